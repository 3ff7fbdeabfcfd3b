/** The page in a frame of another page: one view alone, which tells the other page its height. */

/** @returns {boolean} whether the page was loaded for a frame */
export function isEmbedded() {
  return document.body.classList.contains("embedded");
}

/** Link to the whole page, and tell the page around the frame how high the content is, now and after each change. */
export function setUpEmbedding() {
  document.querySelector(".whole-page").hidden = false;
  document.querySelector(".whole-page a").href = location.pathname.endsWith("/names") ? "names" : "./";
  // The policy lets allowed origins alone show the page, so any page around it may know.
  const tell = () => parent.postMessage({ type: "herodex-height", height: heightOfContent() }, "*");
  new ResizeObserver(tell).observe(document.body);
}

function heightOfContent() {
  return Math.ceil(document.documentElement.getBoundingClientRect().height);
}
