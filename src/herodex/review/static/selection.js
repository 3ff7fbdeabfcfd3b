/** Images that are selected for one decision on all of them. */

import { current, images, view } from "./board.js";

const selected = new Set();
let anchor = 0;

export const isSelected = (image) => selected.has(image.sha256);

/** The selected images of the list, in its order. */
export const selection = () => images().filter(isSelected);

/** The images that a decision is about: the selected ones, or else the current one. */
export function targets() {
  const several = selection();
  return several.length ? several : [current()].filter(Boolean);
}

export function toggle(place) {
  const image = images()[place];
  if (!image) return;
  if (!selected.delete(image.sha256)) selected.add(image.sha256);
  view.place = anchor = place;
}

/** Select from the last place that was gone to or selected up to this one. */
export function extendTo(place) {
  const [first, last] = [Math.min(anchor, place), Math.max(anchor, place)];
  for (const image of images().slice(first, last + 1)) selected.add(image.sha256);
  view.place = place;
}

/** Start a range here. */
export function setAnchor() {
  anchor = view.place;
}

export function selectAll() {
  for (const image of images()) selected.add(image.sha256);
}

export function selectOnly(hashes) {
  selected.clear();
  for (const sha256 of hashes) selected.add(sha256);
  anchor = view.place;
}
