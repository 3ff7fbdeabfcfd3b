/**
 * Errors of the API in words for visitors; the API's own texts speak to developers.
 *
 * This is the only place that decides which text of the API the page shows.
 */

import { has, t, withHint } from "./strings.js";

/** Reasons of refusals that come without one, for example from a proxy, by status. */
const BY_STATUS = { 408: "slow", 413: "too_large", 429: "rate", 503: "busy" };

/** What the API says of a file that is not accepted, and of names that cannot be invented. */
const UNSUPPORTED = /^The image cannot be used: (.*?) ?(images|drawings|photos|textures|files|videos|archives)\b.* are not /;
const IMAGES = new Set(["images", "drawings", "photos", "textures"]);
const TOO_FEW = /^(?:Only (\d+)|No) new names? (?:starts? with '(.*)'|could be found)(?:, and (\d+) are)?/;

/**
 * @param {{status: number, header: (name: string) => string | null}} response a response that is no success
 * @param {{error?: string, hint?: string} | null} answer its JSON
 * @returns {[string, string]} the problem and what to do about it
 */
export function wordsForVisitors({ status, header }, answer) {
  const reason = header("x-refusal") ?? BY_STATUS[status];
  switch (reason) {
    case "rate":
      return withHint("error.rate", { seconds: header("retry-after") ?? 15 });
    case "unsupported":
      return [unsupported(answer?.error), t("error.unsupported.hint")];
    case "unsatisfiable":
      return unsatisfiable(answer?.error, answer?.hint);
  }
  if (has(`error.${reason}`)) return withHint(`error.${reason}`);
  if (status >= 500) {
    const [problem, again] = withHint("error.failed", { status: String(status) });
    const id = header("x-request-id");
    return [problem, id ? `${again} ${t("error.request_id", { id })}` : again];
  }
  return withHint("error.refused", { status: String(status) });
}

/** Name the kind of a file that is not accepted, which only the API knows. */
function unsupported(error = "") {
  const [, format, kind] = UNSUPPORTED.exec(error) ?? [];
  if (!kind) return t("error.unsupported");
  return t(`error.unsupported_${IMAGES.has(kind) ? "images" : kind}`, { format });
}

/** Explain which names cannot be invented; the API's texts speak of a request's fields. */
function unsatisfiable(error = "", hint = "") {
  const prefix = t("names.prefix");
  const [, letters] = /^'prefix' has characters that no known name has: (.*)\.$/.exec(error) ?? [];
  const [, known = ""] = /^The known ones are (.*)\.$/.exec(hint) ?? [];
  if (letters) return withHint("error.unknown_letters", { prefix, letters, known });
  const [length] = /\d+/.exec(hint) ?? [];
  if (length && error.startsWith("'prefix' asks for longer")) return withHint("error.long_prefix", { prefix, length });
  const [, found, start, asked] = TOO_FEW.exec(error) ?? [];
  const values = { prefix, start, asked, count: Number(found) };
  if (found) return withHint(start ? "error.few_names" : "error.few", values);
  const [problem, advice] = withHint("error.unsatisfiable", values);
  return [start ? t("error.no_names", values) : problem, advice];
}
