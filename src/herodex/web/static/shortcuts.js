/** Single keys as shortcuts, which visitors can turn off because some software types keys by speech. */

import { load, store } from "./store.js";
import { currentView, openView } from "./views.js";

const ACTIONS = {
  r: () => openView("recognise"),
  n: () => openView("names"),
  o: () => press("recognise", ".drop"),
  h: () => press("recognise", ".heat-toggle"),
  l: () => press("recognise", ".live-toggle"),
  i: () => press("names", "#names-form [type=submit]"),
  c: () => press("names", ".copy-all"),
};

/** @param {HTMLDetailsElement} help the list of the shortcuts with the switch */
export function setUpShortcuts(help) {
  const use = help.querySelector("input");
  use.checked = load("shortcuts", true);
  use.addEventListener("change", () => store("shortcuts", use.checked));
  document.addEventListener("keydown", (event) => {
    if (!use.checked || event.ctrlKey || event.metaKey || event.altKey || event.repeat || isTyping(event.target)) return;
    if (event.key === "?") {
      help.open = true;
      help.scrollIntoView({ block: "nearest" });
      help.querySelector("summary").focus();
    } else if (Object.hasOwn(ACTIONS, event.key)) {
      event.preventDefault();
      ACTIONS[event.key]();
    }
  });
}

/** Press a control of a view if it is there. */
function press(view, selector) {
  if (document.querySelector(".views").hidden && currentView() !== view) return;
  openView(view);
  const control = document.querySelector(selector);
  if (control && !control.closest("[hidden]") && !control.disabled) control.click();
}

function isTyping(target) {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox], [type=range], [type=file]), textarea, select");
}
