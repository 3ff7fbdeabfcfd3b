/** The page's texts in its language, from the table that the service writes into the page. */

const table = JSON.parse(document.querySelector("#strings").textContent);

/** The page's language, such as "en". */
export const language = document.documentElement.lang;

const rightToLeft = document.documentElement.dir === "rtl";
const plurals = new Intl.PluralRules(language);

/**
 * @param {string} key of the table; a key that it lacks is its own text
 * @param {Record<string, string | number>} [values] of the text's placeholders; `count` selects the plural form
 * @returns {string} the text in the page's language
 */
export function t(key, values = {}) {
  const entry = table[key] ?? key;
  const text = typeof entry === "string" ? entry : (entry[plurals.select(values.count)] ?? entry.other);
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? written(values[name]) : whole));
}

/** @returns {[string, string]} the text of a problem, and that of what to do about it */
export function withHint(key, values) {
  return [t(key, values), t(`${key}.hint`, values)];
}

/** @returns {boolean} whether the table has a text for a key */
export function has(key) {
  return key in table;
}

/** Write a number as usual in the page's language. */
export function number(value, digits) {
  return value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Join texts as a list, such as "a, b and c". */
export function list(texts) {
  return new Intl.ListFormat(language).format(texts);
}

function written(value) {
  if (typeof value === "number") return number(value);
  // A value in another direction than the text does not reorder the text around it.
  return rightToLeft ? `\u2068${value}\u2069` : value;
}
