/** The board, and which images of it are shown. */

import { ask } from "./requests.js";

export const ALL = "all";
export const QUERIES = "queries";
export const MAP = "map";

/** As the server sends it, with the decisions so far. */
export let board = { queries: [], labels: [], decisions: {}, orphaned: 0, most_decisions: 0 };

/** `picked` are the images of the map that are shown as cards. */
export const view = { mode: QUERIES, query: 0, reason: ALL, place: 0, picked: [] };

export async function load() {
  board = await ask("/state");
}

const listeners = [];

export const onChange = (listener) => listeners.push(listener);

export function changed() {
  for (const listener of listeners) listener();
}

export const words = (reason) => reason.replaceAll("_", " ");

export const query = () => board.queries[view.query];

/** The images of the query, or of the map, before the filter by reason. */
export const unfiltered = () => (view.mode === MAP ? view.picked : query().images);

export const images = () =>
  unfiltered().filter((image) => view.reason === ALL || image.reason === view.reason);

export const current = () => images()[view.place];

export const decisionOn = (image) => board.decisions[image.sha256];

export function describe(decision) {
  if (!decision) return "undecided";
  if (decision.decision === "drop") return "drop";
  return decision.class ? `is ${decision.class}` : "keep";
}

export function move(step) {
  view.place = Math.max(0, Math.min(images().length - 1, view.place + step));
}

/** Show another list of images, or another part of it. */
export function show(change) {
  Object.assign(view, { reason: ALL, place: 0 }, change);
}

/** Go to the next undecided image, in this list or in a later query; false if there is none. */
export function skip() {
  const undecided = (image) => !decisionOn(image);
  const here = images().findIndex((image, place) => place > view.place && undecided(image));
  if (here >= 0) view.place = here;
  if (here >= 0) return true;
  if (view.mode === MAP) {
    const first = images().findIndex(undecided);
    if (first >= 0) view.place = first;
    return first >= 0;
  }
  for (let step = 1; step <= board.queries.length; step += 1) {
    const index = (view.query + step) % board.queries.length;
    const place = board.queries[index].images.findIndex(undecided);
    if (place >= 0) {
      show({ query: index, place });
      return true;
    }
  }
  return false;
}
