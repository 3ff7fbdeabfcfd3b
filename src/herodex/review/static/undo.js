/** Decisions that can be taken back, the latest last; decisions made together are one entry. */

const entries = [];

export const count = () => entries.length;
export const record = (entry) => entries.push(entry);
export const takeLast = () => entries.pop();

/** Forget decisions that were not saved. */
export function forget(entry) {
  const place = entries.indexOf(entry);
  if (place >= 0) entries.splice(place, 1);
}
