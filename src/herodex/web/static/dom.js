/** Creates elements; text is never parsed as HTML. */

/** @returns {HTMLElement} a `tag` with a class that contains text or elements */
export function element(tag, className, ...children) {
  const created = document.createElement(tag);
  if (className) created.className = className;
  created.append(...children);
  return created;
}

/** Format a probability as a percentage; only exact values become 100 % or 0 %. */
export function percent(share) {
  if (share > 0.995 && share < 1) return ">99\u00a0%";
  if (share > 0 && share < 0.005) return "<1\u00a0%";
  return `${Math.round(share * 100)}\u00a0%`;
}
