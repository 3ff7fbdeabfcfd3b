/** Builds elements. Text only ever goes in as text. */

/** @returns {HTMLElement} a `tag` with a class, and text or elements in it */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Write a share as people do: 92%, and neither 100% nor 0% for what is only close to it. */
export function percent(share) {
  if (share > 0.995 && share < 1) return ">99%";
  if (share > 0 && share < 0.005) return "<1%";
  return `${Math.round(share * 100)}%`;
}
