/** The plot of the map: one SVG path per kind of mark, in pixels of the window. */

import { one } from "./elements.js";
import { circle } from "./marks.js";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = 16;
const RADIUS = 4.5;
const RING = 7.5;
/** Pixels of the plot per point, below which marks become smaller. */
const ROOM = 250;
const frame = { width: 0, height: 0, scale: 1 };

export function measure(points) {
  const { clientWidth, clientHeight } = one("#plot");
  const share = (clientWidth * clientHeight) / (ROOM * points.length);
  const scale = Math.max(0.6, Math.min(1, Math.sqrt(share)));
  Object.assign(frame, { width: clientWidth, height: clientHeight, scale });
  one("#points").setAttribute("viewBox", `0 0 ${clientWidth} ${clientHeight}`);
}

/** The position of a point in the plot; up is more. */
export const positionOf = ({ x, y }) => [
  MARGIN + x * (frame.width - 2 * MARGIN),
  MARGIN + (1 - y) * (frame.height - 2 * MARGIN),
];

export function path(className, shapes) {
  const made = document.createElementNS(SVG, "path");
  made.setAttribute("class", className);
  made.setAttribute("d", shapes.join(""));
  return made;
}

const square = (x, y, half) => `M${x - half} ${y - half}h${2 * half}v${2 * half}h${-2 * half}Z`;

/** Draw the points: hollow if dropped, ringed if the label is in question. */
export function drawPoints(points, marks, highlighted) {
  const layers = marks.flatMap((mark) => {
    const mine = points.filter(({ label }) => mark.labels.includes(label));
    const layer = (className, chosen) =>
      path(`${mark.className} ${className}`, chosen.map((point) => mark.path(...positionOf(point), RADIUS * frame.scale)));
    const strong = ({ label }) => !highlighted || label === highlighted;
    return [
      layer("faint", mine.filter((point) => !strong(point))),
      layer("hollow", mine.filter((point) => strong(point) && point.dropped)),
      layer("full", mine.filter((point) => strong(point) && !point.dropped)),
    ];
  });
  // Faint marks lie below the others.
  layers.sort((first, second) => second.classList.contains("faint") - first.classList.contains("faint"));
  const marked = points.filter((point) => point.marked && (!highlighted || point.label === highlighted));
  const rings = path("ring", marked.map((point) => circle(...positionOf(point), RING * frame.scale)));
  const [picked, here, rectangle] = ["picked", "here", "rectangle"].map((name) => path(name, []));
  one("#points").replaceChildren(picked, rings, ...layers, here, rectangle);
}

/** Shade the images that are shown as cards. */
export function drawPicked(points) {
  one("#points .picked")?.setAttribute("d", points.map((point) => square(...positionOf(point), RING * frame.scale + 2)).join(""));
}

/** Show the place in the map that pointer or keys are at. */
export function drawHere(point) {
  one("#points .here")?.setAttribute("d", point ? circle(...positionOf(point), RING + 6) : "");
}

export function drawRectangle(corners) {
  const shape = corners ? `M${corners.left} ${corners.top}H${corners.right}V${corners.bottom}H${corners.left}Z` : "";
  one("#points .rectangle")?.setAttribute("d", shape);
}
