/** The legend of the map: what each mark means, and how many there are. */

import { digits, element, one } from "./elements.js";
import { circle, slash, underline } from "./marks.js";
import * as plot from "./plot.js";

const SVG = "http://www.w3.org/2000/svg";

function entry(text, ...paths) {
  const sample = document.createElementNS(SVG, "svg");
  sample.setAttribute("viewBox", "0 0 24 24");
  sample.setAttribute("aria-hidden", "true");
  sample.append(...paths);
  return element("li", "", sample, element("span", "", text));
}

const sample = (className, shape, radius) => plot.path(className, [shape(12, 12, radius)]);

/** Explain the marks; counts are of the points that are drawn. */
export function draw(marks, points, decisionOn) {
  const { path, full, hollow } = marks[0];
  const count = (isOne) => digits(points.filter(isOne).length);
  const decided = (decision) => count((point) => decisionOn(point)?.decision === decision);
  one("#legend").replaceChildren(
    ...marks.map((mark) => entry(`${mark.name} · ${digits(mark.count)}`, sample(mark.full, mark.path, 6))),
    entry(`hollow: dropped · ${count(({ dropped }) => dropped)}`, sample(hollow, path, 6)),
    entry(
      `ringed: low label quality, or dropped by a label check · ${count(({ marked }) => marked)}`,
      sample("ring", circle, 9),
      sample(full, path, 5),
    ),
    entry(`underlined: you keep it · ${decided("keep")}`, sample(full, path, 5), sample("decided keep", underline, 6)),
    entry(`struck through: you drop it · ${decided("drop")}`, sample(full, path, 5), sample("decided drop", slash, 6)),
  );
}
