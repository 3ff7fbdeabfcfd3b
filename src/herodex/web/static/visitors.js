/**
 * Errors of the API in words for visitors; the API's own texts speak to developers.
 *
 * This is the only place that decides which text of the API the page shows.
 */

const WORDS = {
  address: ["The service has changed since this page was loaded.", "Reload the page."],
  busy: ["The service is busy.", "Try again in a few seconds."],
  disk: ["The service could not store your report.", "Try again later."],
  empty: ["The file is empty.", "Choose another image."],
  fields: ["The service does not accept these settings.", "Change them and try again."],
  full: ["The service has many reports and takes no more.", "Try again another day."],
  headers: ["Your browser sends the service too much data, such as cookies.", "Delete the cookies of this site."],
  parts: ["The image takes too long to decode.", "Open it in an image editor, save it again and choose the new file."],
  slow: ["The upload took too long.", "Choose a smaller image, or use a faster connection."],
  too_large: ["The file is too large.", "Choose a smaller file."],
  too_many_pixels: ["The image has too many pixels.", "Scale it down in an image editor and choose the new file."],
  truncated: ["The image file is incomplete.", "Download or copy it again, or choose another image."],
  unreadable: ["The image file is damaged.", "Open it in an image editor and save it again, or choose another image."],
};
/** Reasons of refusals that come without one, for example from a proxy, by status. */
const BY_STATUS = { 408: "slow", 413: "too_large", 429: "rate", 503: "busy" };

/**
 * @param {{status: number, header: (name: string) => string | null}} response a response that is no success
 * @param {{error?: string, hint?: string} | null} answer its JSON
 * @returns {[string, string]} the problem and what to do about it
 */
export function wordsForVisitors({ status, header }, answer) {
  const reason = header("x-refusal") ?? BY_STATUS[status];
  if (reason in WORDS) return WORDS[reason];
  switch (reason) {
    case "rate":
      return ["Too many requests from your network.", `Wait ${header("retry-after") ?? 15} s, then try again.`];
    case "unsupported":
      return [unsupported(answer?.error), "Save it as JPEG, PNG or WebP, then choose that file; renaming is not enough."];
    case "unsatisfiable":
      return [labelled(answer?.error), labelled(answer?.hint)];
  }
  if (status >= 500) return [`The service failed (status ${status}).`, inCaseItFailsAgain(header("x-request-id"))];
  return [`The service refused the request (status ${status}).`, "Reload the page and try again."];
}

/** Name the kind of a file that is not accepted, which only the API knows. */
function unsupported(error = "") {
  const kind = /^The image cannot be used: ([^;:]+) are not (?:accepted|decoded)/.exec(error)?.[1];
  return kind ? `${kind[0].toUpperCase()}${kind.slice(1)} cannot be used here.` : "The file is not an image that can be used here.";
}

/** Replace a request's fields by the labels on the page. */
function labelled(text = "") {
  return text
    .replace(/'prefix'|the prefix/g, "“Starts with”")
    .replace(/ \(tried .*?\)/, "")
    .replace("take another seed", "try again");
}

function inCaseItFailsAgain(requestId) {
  const again = "Try again in a moment.";
  return requestId ? `${again} If it fails again, give the operator this request id: ${requestId}.` : again;
}
