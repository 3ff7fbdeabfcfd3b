/** Names that the visitor starred; they stay in the browser. */

import { element } from "./dom.js";
import { load, store } from "./store.js";
import { t } from "./strings.js";

const MAX_STARRED = 500;

/** @returns {{button: (name: string) => HTMLButtonElement, names: () => string[]}} makes stars for names */
export function setUpStarred(section) {
  const list = section.querySelector(".starred-names");
  let names = load("starred", []);
  if (!Array.isArray(names)) names = [];

  function toggle(name) {
    names = names.includes(name) ? names.filter((other) => other !== name) : [name, ...names].slice(0, MAX_STARRED);
    store("starred", names);
    show();
  }

  function show() {
    section.hidden = !names.length;
    list.replaceChildren(...names.map((name) => element("li", "", name, button(name))));
    for (const star of document.querySelectorAll(".star")) mark(star, names.includes(star.dataset.name));
  }

  function button(name) {
    const star = element("button", "star");
    star.type = "button";
    star.dataset.name = name;
    star.setAttribute("aria-label", t("names.star", { text: name }));
    mark(star, names.includes(name));
    star.addEventListener("click", () => {
      const inList = list.contains(star);
      toggle(name);
      // The star has left the list with its name; the focus goes on to what is next to it.
      if (inList) (list.querySelector(".star") ?? document.querySelector("#names h1")).focus();
    });
    return star;
  }

  show();
  return { button, names: () => names };
}

function mark(star, starred) {
  star.setAttribute("aria-pressed", starred);
  star.textContent = starred ? "★" : "☆";
}
