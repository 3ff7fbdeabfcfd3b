/** The choice of a label: by a digit, or by typing some of its letters. */

import { board } from "./board.js";
import { decide } from "./decisions.js";
import { element, one, reconcile } from "./elements.js";
import { targets } from "./selection.js";

const UNKNOWN = "unknown";
const MOST_SHOWN = 100;

let active = 0;
let focusedBefore = null;

/** A digit is a shortcut unless a label begins with one. */
const numbered = () => !board.labels.some((label) => /^\d/.test(label));

/** Labels with the typed letters: at their start, at the start of a word, then anywhere. */
function matching() {
  const typed = one("#label").value.trim().toLowerCase();
  const rank = (label) => {
    const place = label.toLowerCase().indexOf(typed);
    if (place < 0) return Infinity;
    if (place === 0) return 0;
    return /[\p{L}\p{N}]/u.test(label[place - 1]) ? 2 : 1;
  };
  const ranked = board.labels.map((label) => [rank(label), label]).filter(([place]) => place < Infinity);
  return ranked.sort(([first], [second]) => first - second).map(([, label]) => label);
}

function draw() {
  const all = matching();
  const shown = all.slice(0, MOST_SHOWN);
  active = Math.max(0, Math.min(active, shown.length - 1));
  reconcile(one("#choices"), shown, {
    key: (label) => label,
    create: (label) => {
      const number = board.labels.indexOf(label) + 1;
      const digit = number <= 9 && numbered() ? [element("kbd", "", String(number)), " "] : [];
      const item = element("li", "", ...digit, label, label === UNKNOWN ? " (none of the classes)" : "");
      item.id = `choice-${number}`;
      item.setAttribute("role", "option");
      // The input keeps the focus.
      item.addEventListener("pointerdown", (event) => event.preventDefault());
      item.addEventListener("click", () => choose(label));
      return item;
    },
    update: (item, label, place) => item.setAttribute("aria-selected", String(place === active)),
  });
  const chosen = one("#choices").children[active];
  if (chosen) one("#label").setAttribute("aria-activedescendant", chosen.id);
  else one("#label").removeAttribute("aria-activedescendant");
  chosen?.scrollIntoView({ block: "nearest" });
  const left = all.length - shown.length;
  let note = left ? `${left} more labels: type some letters.` : "";
  if (!all.length) note = "No label has these letters.";
  one("#choices-left").textContent = note;
}

function choose(label) {
  close();
  decide("keep", label);
}

export function close() {
  if (one("#chooser").hidden) return;
  const typing = one("#chooser").contains(document.activeElement);
  one("#chooser").hidden = true;
  one("#actions [data-key=r]").setAttribute("aria-expanded", "false");
  if (!typing) return;
  if (focusedBefore && focusedBefore !== document.body) focusedBefore.focus({ preventScroll: true });
  else one("#label").blur();
}

export function relabel() {
  if (!one("#chooser").hidden) {
    close();
    return;
  }
  if (!targets().length) return;
  focusedBefore = document.activeElement;
  one("#chooser").hidden = false;
  one("#actions [data-key=r]").setAttribute("aria-expanded", "true");
  one("#label").value = "";
  active = 0;
  draw();
  one("#label").focus({ preventScroll: true });
}

const KEYS = {
  ArrowDown: () => (active += 1),
  ArrowUp: () => (active -= 1),
  Enter: () => {
    const label = matching()[active];
    if (label) choose(label);
  },
  Escape: close,
};

export function listen() {
  const input = one("#label");
  input.addEventListener("input", () => {
    active = 0;
    draw();
  });
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const label = board.labels[Number(event.key) - 1];
    if (label && !input.value && numbered()) choose(label);
    else if (KEYS[event.key]) KEYS[event.key]();
    else return;
    event.preventDefault();
    if (!one("#chooser").hidden) draw();
  });
  one("#chooser").addEventListener("focusout", (event) => {
    const button = one("#actions [data-key=r]");
    // A press of the button closes the list itself.
    if (event.relatedTarget !== button && !one("#chooser").contains(event.relatedTarget)) close();
  });
}
