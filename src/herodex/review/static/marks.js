/** The marks of the map: a shape and a colour per class. */

const STAR = Array.from({ length: 10 }, (_, corner) => {
  const [angle, radius] = [(Math.PI * corner) / 5, corner % 2 ? 0.5 : 1.25];
  return [radius * Math.sin(angle), -radius * Math.cos(angle)];
});

/** Corners of each shape, in radii. Ten shapes can be told apart without colours. */
const SHAPES = [
  [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
  [[0, -1.15], [1.1, 0.85], [-1.1, 0.85]],
  [[0, -1.25], [1.05, 0], [0, 1.25], [-1.05, 0]],
  [[-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4], [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4]],
  STAR,
  [[0, 1.15], [1.1, -0.85], [-1.1, -0.85]],
  [[-1, -1], [1, -1], [-1, 1], [1, 1]],
  [[1.15, 0], [-0.85, 1.1], [-0.85, -1.1]],
  [[-1, -1], [-1, 1], [1, -1], [1, 1]],
  [[-1.15, 0], [0.85, 1.1], [0.85, -1.1]],
];
const DASH = [[-1.1, -0.35], [1.1, -0.35], [1.1, 0.35], [-1.1, 0.35]];
const UNKNOWN = "unknown";

const polygon = (corners) => (x, y, radius) =>
  `M${corners.map(([right, down]) => `${(x + radius * right).toFixed(1)} ${(y + radius * down).toFixed(1)}`).join("L")}Z`;

export const circle = (x, y, radius) =>
  `M${(x - radius).toFixed(1)} ${y.toFixed(1)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0Z`;

export const square = (x, y, half) => `M${x - half} ${y - half}h${2 * half}v${2 * half}h${-2 * half}Z`;

/** A line below a mark, and one through it. */
export const underline = (x, y, radius) => `M${x - 1.2 * radius} ${y + 1.6 * radius}h${2.4 * radius}`;
export const slash = (x, y, radius) => `M${x - 1.5 * radius} ${y + 1.5 * radius}L${x + 1.5 * radius} ${y - 1.5 * radius}`;

/** A smaller circle, because most images may be of no class. */
const dot = (x, y, radius) => circle(x, y, 0.8 * radius);

/** The classes of a mark in the stylesheets, for each way to draw it. */
const waysOf = (name) => ({ full: `mark ${name} full`, hollow: `mark ${name} hollow`, faint: `mark ${name} faint` });

/** Assign marks to labels: the classes with most points have a shape of their own, the others share a dash. */
export function assignMarks(labels, points) {
  const counts = new Map(labels.map((label) => [label, 0]));
  for (const { label } of points) counts.set(label, (counts.get(label) ?? 0) + 1);
  const classes = [...counts.keys()].filter((label) => label !== UNKNOWN);
  const own = new Set([...classes].sort((first, second) => counts.get(second) - counts.get(first)).slice(0, SHAPES.length));
  const shaped = classes.filter((label) => own.has(label));
  const marks = shaped.map((label, place) => ({
    name: label,
    labels: [label],
    ...waysOf(`colour-${place % 8}`),
    path: polygon(SHAPES[place]),
  }));
  const others = classes.filter((label) => !own.has(label));
  if (others.length) {
    marks.push({ name: `${others.length} other classes`, labels: others, ...waysOf("others"), path: polygon(DASH) });
  }
  marks.push({ name: "unknown (none of the classes)", labels: [UNKNOWN], ...waysOf("unknown"), path: dot });
  const count = (mark) => mark.labels.reduce((sum, label) => sum + (counts.get(label) ?? 0), 0);
  return marks.map((mark) => ({ ...mark, count: count(mark) })).filter((mark) => mark.count);
}
