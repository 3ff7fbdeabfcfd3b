/** Values that stay in the visitor's browser. */

/** @returns {any} the stored value, or else `fallback` */
export function load(name, fallback) {
  try {
    return JSON.parse(localStorage.getItem(`herodex-${name}`)) ?? fallback;
  } catch {
    return fallback;
  }
}

/** Store a value until the visitor deletes it; some browsers refuse, and then it lasts as long as the page. */
export function store(name, value) {
  try {
    localStorage.setItem(`herodex-${name}`, JSON.stringify(value));
  } catch {
    // Nothing depends on it.
  }
}
