/** The images of the list as cards, a page of them at a time. */

import { changed, decisionOn, describe, images, view, words } from "./board.js";
import { bringIntoSight, button, digits, element, one, reconcile } from "./elements.js";
import { extendTo, isSelected, selection, setAnchor, toggle } from "./selection.js";

const SIDE = 192;
/** Cards of a page: more of them would delay each key. */
const PAGE = 200;

/** Whether a card was pressed, which is in sight and stays where it is. */
let pressed = false;

/** Go to an image; with Shift or Ctrl, select it. */
function press(place, event) {
  if (event.shiftKey) extendTo(place);
  else if (event.ctrlKey || event.metaKey) toggle(place);
  else {
    view.place = place;
    setAnchor();
  }
  pressed = true;
  changed();
}

const firstOfPage = () => view.place - (view.place % PAGE);

/** The place of a card's image in the list. */
const placeOf = (card) => firstOfPage() + [...card.parentElement.children].indexOf(card);

function create(image) {
  const thumbnail = element("img");
  Object.assign(thumbnail, { loading: "lazy", alt: "", src: `/thumbnail/${SIDE}/${image.sha256}` });
  const open = button("card", thumbnail, element("span", "reason"), element("span", "mark"));
  const tick = element("input", "tick");
  tick.type = "checkbox";
  const number = element("span", "number");
  number.setAttribute("aria-hidden", "true");
  const card = element("li", "", tick, number, open);
  open.addEventListener("click", (event) => press(placeOf(card), event));
  tick.addEventListener("change", () => {
    toggle(placeOf(card));
    pressed = true;
    changed();
  });
  return card;
}

function update(card, image, place) {
  const decision = decisionOn(image);
  const here = place === view.place;
  // Most cards stay as they are, and each change of one takes time.
  const state = [place, here, isSelected(image), image.query, image.reason, decision && describe(decision)].join();
  if (card.dataset.state === state) return;
  card.dataset.state = state;
  const [tick, number, open] = card.children;
  const [thumbnail, reason, mark] = open.children;
  reason.className = `reason ${image.reason}`;
  reason.textContent = words(image.reason);
  mark.textContent = decision ? describe(decision) : "";
  number.textContent = String(place + 1);
  card.className = decision ? decision.decision : "";
  card.classList.toggle("selected", isSelected(image));
  // The button's name is this text and what it shows.
  thumbnail.alt = `${place + 1}, ${image.query}${decision ? "" : ", undecided"}: `;
  tick.setAttribute("aria-label", `Select ${place + 1}, ${image.query}`);
  tick.checked = isSelected(image);
  if (here) open.setAttribute("aria-current", "true");
  else open.removeAttribute("aria-current");
  // One card is a tab stop; arrow keys go to the others.
  for (const part of [open, tick]) part.tabIndex = here ? 0 : -1;
}

/** Say which cards are shown if these are not all. */
function drawPages(count, first, length) {
  one("#pages").hidden = count <= PAGE;
  const text = `Images ${digits(first + 1)} to ${digits(first + length)} of ${digits(count)}`;
  // A status is read aloud whenever it is written.
  if (one("#page").textContent !== text) one("#page").textContent = text;
  one("#page-before").setAttribute("aria-disabled", String(first === 0));
  one("#page-after").setAttribute("aria-disabled", String(first + length >= count));
}

function turn(step) {
  const place = firstOfPage() + step * PAGE;
  if (place < 0 || place >= images().length) return;
  view.place = place;
  setAnchor();
  changed();
}

export function listen() {
  one("#page-before").addEventListener("click", () => turn(-1));
  one("#page-after").addEventListener("click", () => turn(1));
}

export function draw() {
  const strip = one("#strip");
  const focused = strip.contains(document.activeElement) && document.activeElement;
  const all = images();
  const first = firstOfPage();
  const shown = all.slice(first, first + PAGE);
  reconcile(strip, shown, {
    key: (image) => image.sha256,
    create,
    update: (card, image, place) => update(card, image, first + place),
  });
  drawPages(all.length, first, shown.length);
  const count = selection().length;
  one("#selected").textContent = count
    ? `${count} selected: decide on all of them`
    : "None selected: decide on the current image";
  const card = strip.children[view.place - first];
  if (!card) return;
  if (focused) (focused.matches("input") ? card.firstChild : card.lastChild).focus({ preventScroll: true });
  if (!pressed) bringIntoSight(strip, card);
  pressed = false;
}
