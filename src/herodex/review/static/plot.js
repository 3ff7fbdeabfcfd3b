/** The plot of the map: a canvas with the points, and an SVG above it for what follows the pointer. */

import { one } from "./elements.js";
import { circle, slash, square, underline } from "./marks.js";
import { WHOLE } from "./viewport.js";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = 16;
const RADIUS = 4.5;
const RING = 7.5;
/** Pixels of the plot per point in sight, below which marks become smaller. */
const ROOM = 250;
/** Pixels around a mark that its outline, ring or decision may take. */
const AROUND = 4;

const frame = { width: 0, height: 0, ratio: 1, size: 1, view: WHOLE };
/** Images of marks by shape and classes, drawn once for each look of the page and size of the marks. */
const sprites = new Map();

/** Set the part of the map to draw; true if the plot has a size. */
export function measure(view, count) {
  const { clientWidth: width, clientHeight: height } = one("#plot");
  const ratio = window.devicePixelRatio;
  const share = (width * height * view.scale ** 2) / (ROOM * count);
  const size = Math.round(10 * Math.max(0.6, Math.min(1, Math.sqrt(share)))) / 10;
  if (size !== frame.size || ratio !== frame.ratio) sprites.clear();
  Object.assign(frame, { width, height, ratio, size, view });
  one("#points").setAttribute("viewBox", `0 0 ${width} ${height}`);
  const canvas = one("#canvas");
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across) canvas.width = across;
  if (canvas.height !== down) canvas.height = down;
  return width > 0 && height > 0;
}

/** The position of a point in the plot; up is more. */
export const positionOf = ({ x, y }) => [
  MARGIN + (x - frame.view.left) * frame.view.scale * (frame.width - 2 * MARGIN),
  MARGIN + (1 - y - frame.view.top) * frame.view.scale * (frame.height - 2 * MARGIN),
];

/** A place or a distance in the plot, in shares of the part in sight. */
export const shareOf = ([left, top]) => [(left - MARGIN) / (frame.width - 2 * MARGIN), (top - MARGIN) / (frame.height - 2 * MARGIN)];
export const shareOfDistance = ([right, down]) => [right / (frame.width - 2 * MARGIN), down / (frame.height - 2 * MARGIN)];

/** Whether a position is in the plot, or so near that its mark is. */
export const isInSight = ([left, top]) =>
  left > -RING && top > -RING && left < frame.width + RING && top < frame.height + RING;

export function path(className, shapes) {
  const made = document.createElementNS(SVG, "path");
  made.setAttribute("class", className);
  made.setAttribute("d", shapes.join(""));
  return made;
}

/** Forget colours, which differ by theme and with forced colours. */
export const forgetColours = () => sprites.clear();

/** Paint a shape as the stylesheets say for a class. */
function paint(context, className, shape) {
  const sample = path(className, []);
  one("#points").append(sample);
  const style = getComputedStyle(sample);
  context.globalAlpha = Number(style.opacity);
  if (style.fill !== "none") {
    context.fillStyle = style.fill;
    context.globalAlpha *= Number(style.fillOpacity);
    context.fill(shape);
  }
  if (style.stroke !== "none") {
    context.strokeStyle = style.stroke;
    context.globalAlpha = Number(style.opacity) * Number(style.strokeOpacity);
    context.lineWidth = Number.parseFloat(style.strokeWidth);
    context.lineCap = "round";
    context.stroke(shape);
  }
  sample.remove();
}

/** Return an image of a mark, to be copied to each of its points; `below` is painted first. */
function sprite(shape, radius, className, below) {
  if (!sprites.has(shape)) sprites.set(shape, new Map());
  const ofShape = sprites.get(shape);
  if (!ofShape.has(className)) {
    const side = 2 * Math.ceil((1.3 * radius * frame.size + AROUND) * frame.ratio);
    const image = new OffscreenCanvas(side, side);
    const context = image.getContext("2d");
    context.translate(side / 2, side / 2);
    context.scale(frame.ratio, frame.ratio);
    for (const each of below ? [below, className] : [className]) {
      paint(context, each, new Path2D(shape(0, 0, radius * frame.size)));
    }
    ofShape.set(className, image.transferToImageBitmap());
  }
  return ofShape.get(className);
}

/**
 * Draw the points in sight, and return how many these are: hollow if dropped, ringed if the label is in question,
 * shaded if shown as cards, underlined or struck through if decided.
 */
export function drawPoints(points, { markOf, highlighted, picked, decisionOn }) {
  const canvas = one("#canvas");
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  const seen = [];
  for (const point of points) {
    const position = positionOf(point);
    if (isInSight(position)) seen.push({ point, position, strong: !highlighted || point.label === highlighted });
  }
  const put = (image, [left, top]) =>
    context.drawImage(image, Math.round(left * frame.ratio - image.width / 2), Math.round(top * frame.ratio - image.height / 2));
  const strong = seen.filter((each) => each.strong);
  for (const { point, position } of seen) {
    if (picked.has(point.sha256)) put(sprite(square, RING + 2, "picked"), position);
  }
  for (const each of seen) {
    const mark = markOf(each.point);
    if (!each.strong) put(sprite(mark.path, RADIUS, mark.faint), each.position);
  }
  // Ringed images lie above the others.
  for (const ringed of [false, true]) {
    for (const { point, position } of strong) {
      if (point.marked !== ringed) continue;
      const mark = markOf(point);
      if (ringed) put(sprite(circle, RING, "ring"), position);
      put(sprite(mark.path, RADIUS, point.dropped ? mark.hollow : mark.full), position);
    }
  }
  for (const { point, position } of strong) {
    const decision = decisionOn(point);
    if (decision?.decision === "drop") put(sprite(slash, RADIUS, "decided drop", "halo"), position);
    else if (decision) put(sprite(underline, RADIUS, "decided keep", "halo"), position);
  }
  return seen.length;
}

/** Show the place in the map that pointer or keys are at. */
export function drawHere(point) {
  one("#points .here").setAttribute("d", point ? circle(...positionOf(point), RING + 6) : "");
}

export function drawRectangle(corners) {
  const shape = corners ? `M${corners.left} ${corners.top}H${corners.right}V${corners.bottom}H${corners.left}Z` : "";
  one("#points .rectangle").setAttribute("d", shape);
}
