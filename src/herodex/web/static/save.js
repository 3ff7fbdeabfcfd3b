/** Offers texts as files, and writes tables as CSV. */

/** Save a text to the visitor's device. */
export function saveText(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  link.download = name;
  link.click();
  // Later, because some browsers read it after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** @returns {string} rows as CSV; the mark at its start tells spreadsheets that it is UTF-8 */
export function toCsv(rows) {
  return `\ufeff${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

/** Quote a cell; an apostrophe keeps spreadsheets from running a text as a formula. */
function cell(value) {
  const text = String(value ?? "");
  const safe = typeof value === "string" && /^\s*[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
