/** The images of the list as cards. */

import { changed, decisionOn, describe, images, view, words } from "./board.js";
import { bringIntoSight, button, element, one, reconcile } from "./elements.js";
import { extendTo, isSelected, selection, setAnchor, toggle } from "./selection.js";

const SIDE = 192;

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

const placeOf = (card) => [...card.parentElement.children].indexOf(card);

function create(image) {
  const thumbnail = element("img");
  Object.assign(thumbnail, { loading: "lazy", alt: "", src: `/thumbnail/${SIDE}/${image.sha256}` });
  const open = button("card", thumbnail, element("span", "reason"), element("span", "mark"));
  const tick = element("input", "tick");
  tick.type = "checkbox";
  const card = element("li", "", open, tick);
  open.addEventListener("click", (event) => press(placeOf(card), event));
  tick.addEventListener("change", () => {
    toggle(placeOf(card));
    pressed = true;
    changed();
  });
  return card;
}

function update(card, image, place) {
  const [open, tick] = card.children;
  const decision = decisionOn(image);
  const [thumbnail, reason, mark] = open.children;
  reason.className = `reason ${image.reason}`;
  reason.textContent = words(image.reason);
  mark.textContent = decision ? describe(decision) : "";
  card.className = decision ? decision.decision : "";
  card.classList.toggle("selected", isSelected(image));
  // The button's name is this text and what it shows.
  thumbnail.alt = `${place + 1}, ${image.query}${decision ? "" : ", undecided"}: `;
  tick.setAttribute("aria-label", `Select ${place + 1}, ${image.query}`);
  tick.checked = isSelected(image);
  const here = place === view.place;
  if (here) open.setAttribute("aria-current", "true");
  else open.removeAttribute("aria-current");
  // One card is a tab stop; arrow keys go to the others.
  for (const part of [open, tick]) part.tabIndex = here ? 0 : -1;
}

export function draw() {
  const strip = one("#strip");
  const focused = strip.contains(document.activeElement) && document.activeElement;
  reconcile(strip, images(), { key: (image) => image.sha256, create, update });
  const count = selection().length;
  one("#selected").textContent = count
    ? `${count} selected: decide on all of them`
    : "None selected: decide on the current image";
  const card = strip.children[view.place];
  if (!card) return;
  if (focused) card.children[focused.matches("input") ? 1 : 0].focus({ preventScroll: true });
  if (!pressed) bringIntoSight(strip, card);
  pressed = false;
}
