/** The list of queries: choose one, or find it among many by letters of its name. */

import { QUERIES, board, changed, decisionOn, show, view } from "./board.js";
import { bringIntoSight, button, element, one } from "./elements.js";
import { selectOnly } from "./selection.js";

/** Number of queries from which a field to search them is shown. */
const MANY = 20;

/** The buttons, in the order of the queries. */
let items = [];
/** The query that was current when the list was drawn last. */
let drawn = 0;

function open(query) {
  show({ query });
  selectOnly([]);
}

/** Create a button per query, once the board is loaded. */
export function create() {
  items = board.queries.map((each, place) => {
    const item = button(
      each.class ? "class" : "distractor",
      element("span", "name", each.name),
      element("span", "count"),
    );
    item.addEventListener("click", () => {
      open(place);
      changed();
    });
    return item;
  });
  one("#queries").replaceChildren(...items);
  one("#finder").hidden = items.length < MANY;
  one("#find").addEventListener("input", find);
  one("#find").addEventListener("keydown", pressKey);
}

/** Show the queries with the typed letters. */
function find() {
  const typed = one("#find").value.trim().toLowerCase();
  board.queries.forEach(({ name }, place) => {
    items[place].hidden = !name.toLowerCase().includes(typed);
  });
  const found = items.filter((item) => !item.hidden).length;
  one("#found").textContent = typed ? `${found} of ${items.length} queries` : "";
  changed();
}

function pressKey(event) {
  // The keys of the page decide on images.
  event.stopPropagation();
  if (event.key === "Escape") {
    one("#find").value = "";
    find();
  } else if (event.key === "ArrowDown" || event.key === "Enter") {
    const first = items.findIndex((item) => !item.hidden);
    if (first < 0) return;
    open(first);
    changed();
    items[first].focus();
    event.preventDefault();
  }
}

/** Go to the next query of those that are shown, or to the one before. */
export function go(step) {
  if (view.mode !== QUERIES) return;
  const { length } = items;
  for (let far = 1; far <= length; far += 1) {
    const place = (view.query + step * far + length * far) % length;
    if (!items[place].hidden) {
      open(place);
      return;
    }
  }
}

export function draw() {
  const list = one("#queries");
  const focused = list.contains(document.activeElement);
  const visible = items.findIndex((item) => !item.hidden);
  const stop = items[view.query]?.hidden ? visible : view.query;
  board.queries.forEach(({ images }, place) => {
    const item = items[place];
    const count = `${images.filter(decisionOn).length}/${images.length}`;
    if (item.lastChild.textContent !== count) item.lastChild.textContent = count;
    // One query is a tab stop; arrow keys go to the others.
    const order = place === stop ? 0 : -1;
    if (item.tabIndex !== order || !item.hasAttribute("tabindex")) item.tabIndex = order;
    if (place !== view.query) item.removeAttribute("aria-current");
  });
  const current = items[view.query];
  if (!current) return;
  current.setAttribute("aria-current", "true");
  if (view.query !== drawn) {
    bringIntoSight(list, current);
    if (focused) current.focus({ preventScroll: true });
  }
  drawn = view.query;
}
