/** What was shown in this visit: in the page's memory alone, and gone with it. */

import { element, percent } from "./dom.js";

const MOST = 12;

/**
 * @param {HTMLElement} view
 * @param {(file: File, answer: object) => void} show called with what a visitor wants to see again
 */
export function setUpHistory(view, show) {
  const list = view.querySelector(".seen");

  function add(file, answer) {
    const image = document.createElement("img");
    image.alt = "";
    image.src = URL.createObjectURL(file);
    image.onerror = () => image.replaceWith(element("span", "unseeable"));
    const [what, share] = answer.known
      ? [element("span", "what", answer.label), answer.probabilities[answer.label]]
      : [element("span", "", "None of these"), answer.unknown];
    const said = element("span", "said", what, element("span", "value", ` ${percent(share)}`));
    const button = element("button", "", image, said);
    button.type = "button";
    button.addEventListener("click", () => show(file, answer));
    list.prepend(element("li", "", button));
    view.querySelector(".none-yet").hidden = true;
    while (list.children.length > MOST) forget(list.lastElementChild);
  }

  return { add };
}

function forget(entry) {
  const image = entry.querySelector("img");
  if (image) URL.revokeObjectURL(image.src);
  entry.remove();
}
