/** The map of the images: similar ones lie close together; a part of it is shown as cards. */

import { MAP, board, changed, decisionOn, describe, show, view, words } from "./board.js";
import { say } from "./decisions.js";
import { digits, one } from "./elements.js";
import { listenToGestures } from "./gestures.js";
import * as legend from "./legend.js";
import { assignMarks } from "./marks.js";
import * as plot from "./plot.js";
import { ask } from "./requests.js";
import { selectOnly } from "./selection.js";
import * as viewport from "./viewport.js";

const NEAREST = 24;
/** Pixels between pointer and point. */
const REACH = 24;
/** One step of the zoom, and of a move in shares of the part in sight. */
const ZOOM = 1.5;
const MOVE = 0.25;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

let points = [];
let marks = [];
let markOf = null;
let here = null;
let asked = false;
let inSight = viewport.WHOLE;
let scheduled = false;
/** The decisions that the legend counts. */
let explained = null;

const distance = ([x, y], [left, top]) => Math.hypot(x - left, y - top);
const onlyUndecided = () => one("#undecided-only").checked;

/** The points that are drawn and can be chosen. */
const chosen = () => (onlyUndecided() ? points.filter((point) => !decisionOn(point)) : points);

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
  const byLabel = new Map(marks.flatMap((mark) => mark.labels.map((label) => [label, mark])));
  markOf = ({ label }) => byLabel.get(label);
  one("#highlight").replaceChildren(new Option("all labels", ""), ...board.labels.map((label) => new Option(label)));
  one("#pick-marked").disabled = !points.some((point) => point.marked);
  changed();
  new ResizeObserver(draw).observe(one("#plot"));
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(query).addEventListener("change", () => {
      plot.forgetColours();
      draw();
    });
  }
}

function summarise({ images, without_features, share }) {
  const withFeatures = images - without_features;
  const drawn =
    points.length < withFeatures
      ? `${digits(points.length)} of ${digits(withFeatures)} images are drawn: up to half for their findings, the worst first, then others at random. `
      : `All ${digits(points.length)} images with features are drawn. `;
  const without = without_features ? `${digits(without_features)} images have no features and are not drawn. ` : "";
  return `${drawn}${without}The axes are the first two principal components of the features, which hold ${Math.round(100 * share)} % of the variance.`;
}

/** Draw the map before the next frame, once for all changes until then. */
export function draw() {
  if (view.mode !== MAP || !points.length || scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    drawNow();
  });
}

/** Write a status, which is read aloud whenever it is written, if it changes. */
function write(selector, text) {
  if (one(selector).textContent !== text) one(selector).textContent = text;
}

function drawNow() {
  const candidates = chosen();
  if (!plot.measure(inSight, candidates.length)) return;
  const picked = new Set(view.picked.map(({ sha256 }) => sha256));
  const count = plot.drawPoints(candidates, { markOf, highlighted: one("#highlight").value, picked, decisionOn });
  plot.drawHere(here);
  nameHere();
  if (explained !== board.decisions) legend.draw(marks, points, decisionOn);
  explained = board.decisions;
  const whole = inSight.scale === 1;
  const of = onlyUndecided() ? `${digits(candidates.length)} undecided images` : `${digits(candidates.length)} images`;
  write("#in-sight", `${whole ? "Whole map" : `Zoom ${inSight.scale.toFixed(1)}`}: ${digits(count)} of ${of} in sight`);
  for (const key of ["0", "-"]) one(`#zoom [data-zoom="${key}"]`).setAttribute("aria-disabled", String(whole));
}

/** Show another part of the map; false if it is the same one. */
function showPart(part) {
  const { scale, left, top } = inSight;
  if (part.scale === scale && part.left === left && part.top === top) return false;
  inSight = part;
  draw();
  return true;
}

/** Zoom about a place in pixels, or else about the point under keys or pointer, if that is in sight. */
function zoom(factor, place) {
  const about = place ?? (here && plot.isInSight(plot.positionOf(here)) ? plot.positionOf(here) : null);
  return showPart(viewport.zoom(inSight, factor, about ? plot.shareOf(about) : [0.5, 0.5]));
}

const move = (shares) => showPart(viewport.move(inSight, shares));

const worstFirst = (first, second) =>
  (first.reason === "no_finding") - (second.reason === "no_finding") || first.score - second.score;

/** Show images as cards, in addition to those shown or in their place. */
function pick(images, add) {
  const all = [...new Set(add ? [...view.picked, ...images] : images)];
  const picked = all.slice(0, board.most_decisions);
  show({ picked });
  selectOnly([]);
  const left = all.length - picked.length;
  say(left ? `${digits(picked.length)} images are shown; ${digits(left)} more are not: choose a smaller part.` : `${digits(picked.length)} images are shown.`);
  changed();
}

function nearestTo(place, candidates) {
  let best = null;
  for (const point of candidates) {
    const far = distance(plot.positionOf(point), place);
    if (!best || far < best.far) best = { point, far };
  }
  return best;
}

/** Return the point under the pointer. */
function pointAt(place) {
  const near = nearestTo(place, chosen());
  return near && near.far <= REACH ? near.point : null;
}

/** Name a point, and show its image. */
function goTo(point) {
  if (point === here) return;
  here = point;
  plot.drawHere(here);
  one("#nearest-image").src = `/thumbnail/192/${point.sha256}`;
  one("#nearest-image").hidden = false;
  nameHere();
}

function nameHere() {
  if (!here) return;
  const { label, query, reason, looks_like } = here;
  const decision = decisionOn(here);
  write(
    "#nearest-text",
    `label ${label}, query ${query}, ${words(reason)}, looks like ${looks_like || "nothing known"}` +
      (decision ? `, decided: ${describe(decision)}` : ""),
  );
}

/** Go to the nearest point in a direction, or to the middle if no point is in sight. */
function step([right, down]) {
  const candidates = chosen();
  if (!here || !plot.isInSight(plot.positionOf(here))) {
    const { clientWidth, clientHeight } = one("#plot");
    const near = nearestTo([clientWidth / 2, clientHeight / 2], candidates);
    if (near) arriveAt(near.point);
    return;
  }
  const place = plot.positionOf(here);
  const ahead = candidates.filter((point) => {
    const [x, y] = plot.positionOf(point);
    const along = (x - place[0]) * right + (y - place[1]) * down;
    const aside = Math.abs((x - place[0]) * down) + Math.abs((y - place[1]) * right);
    return along > 0.5 && aside <= along;
  });
  const next = nearestTo(place, ahead);
  if (next) arriveAt(next.point);
}

/** Go to a point, and show the part of the map around it. */
function arriveAt(point) {
  goTo(point);
  showPart(viewport.reveal(inSight, [point.x, 1 - point.y]));
}

const ZOOMS = {
  "+": () => zoom(ZOOM),
  "-": () => zoom(1 / ZOOM),
  0: () => showPart(viewport.WHOLE),
};

const KEYS = {
  ...ZOOMS,
  // The same keys without or with Shift.
  "=": ZOOMS["+"],
  _: ZOOMS["-"],
  " ": () => {
    const without = view.picked.filter((point) => point !== here);
    if (here) pick(without.length < view.picked.length ? without : [...view.picked, here]);
  },
  Enter: () => {
    if (!here) return;
    const place = plot.positionOf(here);
    const candidates = chosen();
    const far = new Map(candidates.map((point) => [point, distance(plot.positionOf(point), place)]));
    pick([...candidates].sort((first, second) => far.get(first) - far.get(second)).slice(0, NEAREST));
  },
};

function pressKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = ARROWS[event.key];
  if (arrow && event.shiftKey) move(arrow.map((way) => way * MOVE));
  else if (arrow) step(arrow);
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function selectInside({ left, right, top, bottom }, add) {
  const inside = chosen().filter((point) => {
    const [x, y] = plot.positionOf(point);
    return x >= left && x <= right && y >= top && y <= bottom;
  });
  pick(inside.sort(worstFirst), add);
}

function choose(place, add) {
  const point = pointAt(place);
  if (point) goTo(point);
  pick(point ? [point] : [], add);
}

export function listen() {
  const pan = one("#pan");
  one("#plot").addEventListener("keydown", pressKey);
  listenToGestures(one("#plot"), {
    moves: () => pan.getAttribute("aria-pressed") === "true",
    hover: (place) => {
      const point = pointAt(place);
      if (point) goTo(point);
    },
    draw: plot.drawRectangle,
    select: selectInside,
    choose,
    move: (pixels) => move(plot.shareOfDistance(pixels)),
    zoom,
  });
  for (const each of document.querySelectorAll("#zoom [data-zoom]")) {
    each.addEventListener("click", () => ZOOMS[each.dataset.zoom]());
  }
  pan.addEventListener("click", () => {
    const moves = pan.getAttribute("aria-pressed") !== "true";
    pan.setAttribute("aria-pressed", String(moves));
    one("#plot").classList.toggle("moves", moves);
  });
  one("#highlight").addEventListener("change", draw);
  one("#undecided-only").addEventListener("change", draw);
  one("#pick-marked").addEventListener("click", () => {
    const highlighted = one("#highlight").value;
    const ringed = chosen().filter((point) => point.marked && (!highlighted || point.label === highlighted));
    pick(ringed.sort(worstFirst));
  });
}
