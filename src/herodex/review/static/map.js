/** The map of the images: similar ones lie close together; a part of it is shown as cards. */

import { MAP, board, changed, show, view } from "./board.js";
import { say } from "./decisions.js";
import { element, one } from "./elements.js";
import { assignMarks, circle } from "./marks.js";
import * as plot from "./plot.js";
import { ask } from "./requests.js";
import { selectOnly } from "./selection.js";

const NEAREST = 24;
/** Pixels between pointer and point. */
const REACH = 24;
const CLICK = 4;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

let points = [];
let marks = [];
let here = null;
let asked = false;

const distance = ([x, y], [left, top]) => Math.hypot(x - left, y - top);

/** Load the map when it is first opened. */
export function load() {
  if (asked) return;
  asked = true;
  ask("/map")
    .then(prepare)
    .catch((error) => {
      asked = false;
      one("#map-summary").textContent = `The map could not be loaded: ${error.message}.`;
    });
}

function prepare(answer) {
  points = answer.points;
  one("#map-body").hidden = !points.length;
  one("#map-summary").textContent = answer.problem || summarise(answer);
  if (!points.length) return;
  marks = assignMarks(board.labels, points);
  one("#highlight").replaceChildren(new Option("all labels", ""), ...board.labels.map((label) => new Option(label)));
  one("#pick-marked").disabled = !points.some((point) => point.marked);
  drawLegend();
  changed();
  new ResizeObserver(redraw).observe(one("#plot"));
}

function summarise({ images, without_features, share }) {
  const withFeatures = images - without_features;
  const drawn =
    points.length < withFeatures
      ? `${points.length} of ${withFeatures} images are drawn: up to half for their findings, the worst first, then others at random. `
      : `All ${points.length} images with features are drawn. `;
  const without = without_features ? `${without_features} images have no features and are not drawn. ` : "";
  return `${drawn}${without}The axes are the first two principal components of the features, which hold ${Math.round(100 * share)} % of the variance.`;
}

function drawLegend() {
  const entry = (mark, text) => {
    const sample = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    sample.setAttribute("viewBox", "0 0 24 24");
    sample.setAttribute("aria-hidden", "true");
    sample.append(...mark);
    return element("li", "", sample, text);
  };
  const sample = (className, shape, radius) => plot.path(className, [shape(12, 12, radius)]);
  const { path, className } = marks[0];
  one("#legend").replaceChildren(
    ...marks.map((mark) => entry([sample(`${mark.className} full`, mark.path, 6)], `${mark.name} · ${mark.count}`)),
    entry([sample(`${className} hollow`, path, 6)], "hollow: dropped"),
    entry(
      [sample(`${className} full`, path, 5), sample("ring", circle, 9)],
      "ringed: low label quality, or dropped by a label check",
    ),
  );
}

function redraw() {
  plot.measure(points);
  plot.drawPoints(points, marks, one("#highlight").value);
  draw();
}

/** Draw what changes with each key: the images shown as cards, and the place. */
export function draw() {
  if (view.mode !== MAP || !points.length) return;
  plot.drawPicked(view.picked);
  plot.drawHere(here);
}

const worstFirst = (first, second) =>
  (first.reason === "no_finding") - (second.reason === "no_finding") || first.score - second.score;

/** Show images as cards, in addition to those shown or in their place. */
function pick(chosen, add) {
  const all = [...new Set(add ? [...view.picked, ...chosen] : chosen)];
  const picked = all.slice(0, board.most_decisions);
  show({ picked });
  selectOnly([]);
  const left = all.length - picked.length;
  say(left ? `${picked.length} images are shown; ${left} more are not: choose a smaller part.` : `${picked.length} images are shown.`);
  changed();
}

const nearestTo = (place, candidates = points) => {
  let best = null;
  for (const point of candidates) {
    const far = distance(plot.positionOf(point), place);
    if (!best || far < best.far) best = { point, far };
  }
  return best;
};

/** Name a point, and show its image. */
function goTo(point) {
  if (point === here) return;
  here = point;
  plot.drawHere(here);
  if (!point) return;
  one("#nearest-image").src = `/thumbnail/192/${point.sha256}`;
  one("#nearest-image").hidden = false;
  const finding = point.reason.replaceAll("_", " ");
  one("#nearest-text").textContent =
    `label ${point.label}, query ${point.query}, ${finding}, looks like ${point.looks_like || "nothing known"}`;
}

/** Go to the nearest point in a direction. */
function step([right, down]) {
  const from = here ?? nearestTo([one("#plot").clientWidth / 2, one("#plot").clientHeight / 2]).point;
  if (!here) {
    goTo(from);
    return;
  }
  const place = plot.positionOf(from);
  const ahead = points.filter((point) => {
    const [x, y] = plot.positionOf(point);
    const along = (x - place[0]) * right + (y - place[1]) * down;
    const aside = Math.abs((x - place[0]) * down) + Math.abs((y - place[1]) * right);
    return along > 0.5 && aside <= along;
  });
  const next = nearestTo(place, ahead);
  if (next) goTo(next.point);
}

const KEYS = {
  " ": () => {
    const without = view.picked.filter((point) => point !== here);
    if (here) pick(without.length < view.picked.length ? without : [...view.picked, here]);
  },
  Enter: () => {
    if (!here) return;
    const place = plot.positionOf(here);
    const far = new Map(points.map((point) => [point, distance(plot.positionOf(point), place)]));
    pick([...points].sort((first, second) => far.get(first) - far.get(second)).slice(0, NEAREST));
  },
};

function pressKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (ARROWS[event.key]) step(ARROWS[event.key]);
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** Let the pointer draw a rectangle; a click takes the nearest point. */
function listenToPointer(area) {
  let start = null;
  const placeOf = (event) => {
    const { left, top } = area.getBoundingClientRect();
    return [event.clientX - left - area.clientLeft, event.clientY - top - area.clientTop];
  };
  const corners = ([x, y]) => ({
    left: Math.min(x, start[0]),
    right: Math.max(x, start[0]),
    top: Math.min(y, start[1]),
    bottom: Math.max(y, start[1]),
  });
  area.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    start = placeOf(event);
    area.setPointerCapture(event.pointerId);
  });
  area.addEventListener("pointermove", (event) => {
    const place = placeOf(event);
    if (start) plot.drawRectangle(corners(place));
    const near = nearestTo(place);
    if (!start && near.far <= REACH) goTo(near.point);
  });
  area.addEventListener("pointerup", (event) => {
    if (!start) return;
    const place = placeOf(event);
    const { left, right, top, bottom } = corners(place);
    const near = nearestTo(place);
    const clicked = distance(start, place) <= CLICK;
    if (clicked && near.far <= REACH) goTo(near.point);
    const inside = clicked
      ? [near.point].filter(() => near.far <= REACH)
      : points.filter((point) => {
          const [x, y] = plot.positionOf(point);
          return x >= left && x <= right && y >= top && y <= bottom;
        });
    start = null;
    plot.drawRectangle(null);
    pick(inside.sort(worstFirst), event.shiftKey);
  });
  area.addEventListener("pointercancel", () => {
    start = null;
    plot.drawRectangle(null);
  });
}

export function listen() {
  one("#plot").addEventListener("keydown", pressKey);
  listenToPointer(one("#plot"));
  one("#highlight").addEventListener("change", redraw);
  one("#pick-marked").addEventListener("click", () => {
    const highlighted = one("#highlight").value;
    const marked = points.filter((point) => point.marked && (!highlighted || point.label === highlighted));
    pick(marked.sort(worstFirst));
  });
}
