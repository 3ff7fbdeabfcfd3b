/** Find, create and update elements; text is never parsed as HTML. */

export const one = (selector) => document.querySelector(selector);

/** Create an element with a class and children. */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Write a number with commas between thousands. */
export const digits = (number) => number.toLocaleString("en");

export function button(className, ...children) {
  const made = element("button", className, ...children);
  made.type = "button";
  return made;
}

/** Scroll a list to one of its children if that is out of sight; the page stays where it is. */
export function bringIntoSight(list, child) {
  const above = child.offsetTop - list.scrollTop;
  const below = above + child.offsetHeight - list.clientHeight;
  if (above < 0 || below > 0) list.scrollTop = child.offsetTop - (list.clientHeight - child.offsetHeight) / 2;
  const before = child.offsetLeft - list.scrollLeft;
  const behind = before + child.offsetWidth - list.clientWidth;
  if (before < 0 || behind > 0) list.scrollLeft = child.offsetLeft - (list.clientWidth - child.offsetWidth) / 2;
}

/** Show one child per item; a child stays with its key, so that it keeps focus and place. */
export function reconcile(list, items, { key, create, update }) {
  const old = new Map([...list.children].map((child) => [child.dataset.key, child]));
  const wanted = items.map((item, place) => {
    const child = old.get(key(item)) ?? create(item);
    child.dataset.key = key(item);
    update(child, item, place);
    return child;
  });
  const kept = new Set(wanted);
  for (const child of old.values()) if (!kept.has(child)) child.remove();
  // An element that is moved loses the focus, so only others are inserted around it.
  wanted.forEach((child, place) => {
    if (list.children[place] !== child) list.insertBefore(child, list.children[place] ?? null);
  });
}
