/** Probabilities as bars: all of few classes, the greatest of many with a field that finds the others. */

import { displayName } from "./class_names.js";
import { element, percent } from "./dom.js";
import { t } from "./strings.js";

/** Classes that are all shown. */
const FEW = 8;
/** Classes shown if there are more. */
const TOP = 5;

/**
 * @param {HTMLElement} view
 * @param {{label: string, none?: boolean}[]} unanswered all answers, without probabilities
 * @returns {{show: (shares: {label: string, share?: number, none?: boolean}[]) => void, clear: () => void}}
 */
export function setUpBars(view, unanswered) {
  const list = view.querySelector(".bars");
  const find = view.querySelector(".find");
  const field = find.querySelector("input");
  const many = unanswered.length - 1 > FEW;
  let current = unanswered;
  find.hidden = !many;
  field.addEventListener("input", draw);

  function draw() {
    const sought = fold(field.value);
    const rows = sought ? found(current, sought) : many ? greatest(current) : current;
    list.replaceChildren(...rows.map((row) => bar(row, row === current[0])));
  }

  function show(shares) {
    current = shares;
    draw();
  }

  const clear = () => show(unanswered);
  clear();
  return { show, clear };
}

/** The greatest probabilities, that of no class, and the sum of the others. */
function greatest(shares) {
  const top = shares.filter(({ none }) => !none).slice(0, TOP);
  const others = shares.filter((row) => !row.none && !top.includes(row));
  return [...shares.filter((row) => row.none || top.includes(row)), sum(others, t("recognise.others", { count: others.length }))];
}

function found(shares, sought) {
  const matches = shares.filter(({ label }) => fold(label).includes(sought) || fold(displayName(label)).includes(sought));
  const others = matches.slice(TOP);
  if (!matches.length) return [{ text: t("recognise.no_such_class") }];
  return others.length ? [...matches.slice(0, TOP), sum(others, t("recognise.more_found", { count: others.length }))] : matches;
}

function sum(rows, text) {
  const known = rows.every(({ share }) => share !== undefined);
  return { text, share: known ? rows.reduce((total, { share }) => total + share, 0) : undefined, summed: true };
}

/** Ignore case and accents. */
function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().trim();
}

function bar({ label, text, share, none, summed }, first) {
  if (text && !summed) return element("li", "", element("span", "", text));
  const value = element("span", "value", share === undefined ? "–" : percent(share));
  const line = element("span", "bar", element("span", "fill"));
  line.setAttribute("aria-hidden", "true");
  const row = element("li", "", element("span", "label", text ?? (none ? label : displayName(label))), value, line);
  row.classList.toggle("top", first && share !== undefined);
  row.classList.toggle("none", Boolean(none));
  row.classList.toggle("summed", Boolean(summed));
  // In the next frame, so that the growth of the bar is animated.
  requestAnimationFrame(() => row.style.setProperty("--share", share ?? 0));
  return row;
}
