/** Texts for classes and distractors. */

let displayNames = new Map();

/** @param {Record<string, string>} texts the display names of the project, by class */
export function setDisplayNames(texts) {
  displayNames = new Map(Object.entries(texts));
}

/** @returns {string} the display name of a class or distractor, or else its name with capitals */
export function displayName(name) {
  return displayNames.get(name) ?? titleCase(name);
}

/** Capitalise every word, unless the text already has capitals or needs none. */
function titleCase(text) {
  if (text !== text.toLowerCase()) return text;
  return text.replace(/(^|[\s-])\S/gu, (start) => start.toUpperCase());
}
