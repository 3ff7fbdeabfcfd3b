/** Recent images, kept only in the page's memory. */

import { element, percent } from "./dom.js";
import { wordAnswer } from "./verdict.js";

const MAX_ENTRIES = 12;

/**
 * @param {HTMLElement} view
 * @param {(file: File, answer: object) => void} show called with the chosen entry
 */
export function setUpHistory(view, show) {
  const list = view.querySelector(".recent");

  function add(file, answer) {
    const image = document.createElement("img");
    image.alt = "";
    image.src = URL.createObjectURL(file);
    image.onerror = () => image.replaceWith(element("span", "no-preview"));
    const { state, heading, share } = wordAnswer(answer);
    const answered = element("span", state === "known" ? "class-name" : "", heading);
    const caption = element("span", "caption", answered, element("span", "value", ` ${percent(share)}`));
    const button = element("button", "", image, caption);
    button.type = "button";
    button.addEventListener("click", () => show(file, answer));
    list.prepend(element("li", "", button));
    view.querySelector(".no-history").hidden = true;
    while (list.children.length > MAX_ENTRIES) forget(list.lastElementChild);
  }

  return { add };
}

function forget(entry) {
  const image = entry.querySelector("img");
  if (image) URL.revokeObjectURL(image.src);
  entry.remove();
}
