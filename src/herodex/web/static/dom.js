/** Creates elements; text is never parsed as HTML. */

import { t } from "./strings.js";

/** @returns {HTMLElement} a `tag` with a class that contains text or elements */
export function element(tag, className, ...children) {
  const created = document.createElement(tag);
  if (className) created.className = className;
  created.append(...children);
  return created;
}

/** Format a probability as a percentage; only exact values become 100 % or 0 %. */
export function percent(share) {
  const sign = share > 0.995 && share < 1 ? ">" : share > 0 && share < 0.005 ? "<" : "";
  const shown = { ">": 99, "<": 1 }[sign] ?? Math.round(share * 100);
  return sign + t("percent", { number: shown });
}
