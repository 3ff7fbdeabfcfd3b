/** The review page: one image at a time or many at once, one key per decision, saved immediately. */

import {
  ALL,
  MAP,
  QUERIES,
  board,
  changed,
  decisionOn,
  images,
  load,
  move,
  onChange,
  show,
  skip,
  unfiltered,
  view,
  words,
} from "./board.js";
import * as cards from "./cards.js";
import { decide, say, showError, undo } from "./decisions.js";
import { button, element, one, reconcile } from "./elements.js";
import * as labels from "./labels.js";
import * as map from "./map.js";
import * as queries from "./queries.js";
import { extendTo, selectAll, selectOnly, setAnchor, toggle } from "./selection.js";
import * as stage from "./stage.js";
import { count } from "./undo.js";

function go(step) {
  move(step);
  setAnchor();
}

function extend(step) {
  extendTo(Math.max(0, Math.min(images().length - 1, view.place + step)));
}

/** Show other images; the selection is of one list. */
function open(change) {
  show(change);
  selectOnly([]);
}

function openMode(mode) {
  open({ mode });
  if (mode === MAP) map.load();
}

const KEYS = {
  k: () => decide("keep"),
  d: () => decide("drop"),
  r: labels.relabel,
  u: undo,
  n: () => {
    if (!skip()) say(view.mode === MAP ? "All images shown here are decided." : "All images are decided.");
    setAnchor();
  },
  o: stage.openWhole,
  x: () => toggle(view.place),
  a: selectAll,
  m: () => openMode(view.mode === MAP ? QUERIES : MAP),
  Enter: stage.openWhole,
  Escape: () => selectOnly([]),
  ArrowLeft: () => go(-1),
  ArrowRight: () => go(1),
  ArrowUp: () => queries.go(-1),
  ArrowDown: () => queries.go(1),
};
const WITH_SHIFT = { ArrowLeft: () => extend(-1), ArrowRight: () => extend(1) };
const WITH_CONTROL = { z: undo };

function act(action) {
  action();
  changed();
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || !board.queries.length || event.target.matches("select, dialog *")) return;
  // Facts that are longer than their box scroll by these keys.
  if (event.target.id === "facts" && /^Arrow(Up|Down)$/.test(event.key)) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // Enter presses the button that has the focus.
  if (key === "Enter" && event.target.closest("button, a, input")) return;
  const control = event.ctrlKey || event.metaKey;
  const shifted = event.shiftKey ? WITH_SHIFT[key] : undefined;
  const action = control ? !event.shiftKey && WITH_CONTROL[key] : (shifted ?? KEYS[key]);
  if (!action) return;
  event.preventDefault();
  act(action);
});

function drawFilters() {
  const counts = new Map([[ALL, unfiltered().length]]);
  for (const { reason } of unfiltered()) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  reconcile(one("#filters"), [...counts], {
    key: ([reason]) => reason,
    create: ([reason]) => {
      const item = button("", `${words(reason)} `, element("span", "count"));
      item.addEventListener("click", () => act(() => open({ reason })));
      return item;
    },
    update: (item, [reason, number]) => {
      item.lastChild.textContent = String(number);
      item.setAttribute("aria-pressed", String(reason === view.reason));
    },
  });
}

/** All images of the board, each once. */
let all = [];

function drawSummary() {
  const decided = all.filter((sha256) => board.decisions[sha256]).length;
  const orphaned = board.orphaned ? ` · ${board.orphaned} orphaned` : "";
  const summary = `${decided} of ${all.length} decided${orphaned}`;
  // A status is read aloud whenever it is written.
  if (one("#summary").textContent !== summary) one("#summary").textContent = summary;
  const progress = one("#progress");
  progress.setAttribute("aria-valuemax", String(all.length));
  progress.setAttribute("aria-valuenow", String(decided));
  progress.firstElementChild.style.width = `${all.length ? (100 * decided) / all.length : 0}%`;
}

function drawModes() {
  document.body.dataset.mode = view.mode;
  for (const each of document.querySelectorAll("#modes button")) {
    each.setAttribute("aria-pressed", String(each.dataset.mode === view.mode));
  }
  one("#choose-query").hidden = view.mode !== QUERIES;
  one("#map").hidden = view.mode !== MAP;
  for (const id of ["#filters", "#selecting"]) one(id).hidden = !unfiltered().length;
  one("#actions [data-key=u]").setAttribute("aria-disabled", String(!count()));
}

onChange(() => {
  drawModes();
  drawSummary();
  queries.draw();
  drawFilters();
  stage.draw();
  cards.draw();
  map.draw();
});

for (const each of document.querySelectorAll("#actions button, #selecting button")) {
  each.addEventListener("click", () => act(KEYS[each.dataset.key]));
}
for (const each of document.querySelectorAll("#modes button")) {
  each.addEventListener("click", () => act(() => openMode(each.dataset.mode)));
}
stage.listen();
cards.listen();
labels.listen();
map.listen();

load()
  .then(() => {
    all = [...new Set(board.queries.flatMap((each) => each.images.map(({ sha256 }) => sha256)))];
    queries.create();
    changed();
  })
  .catch((error) => showError(`The images could not be loaded: ${error.message}.`));
