/** Talks to the service. Whatever goes wrong comes out as an ApiError that a person can read. */

const PATIENCE_MS = 30_000;

export class ApiError extends Error {
  constructor(problem, hint) {
    super(problem);
    this.hint = hint;
  }
}

/**
 * Ask the service and give its JSON back.
 *
 * @param {string} path relative, so that the page works below any prefix
 * @param {RequestInit} [options]
 * @param {AbortSignal} [cancel] ends the request; the promise then rejects with an AbortError
 */
export async function ask(path, options = {}, cancel = new AbortController().signal) {
  const signal = AbortSignal.any([cancel, AbortSignal.timeout(PATIENCE_MS)]);
  let response;
  let answer;
  try {
    response = await fetch(path, { ...options, signal });
    answer = await response.json();
  } catch (error) {
    if (cancel.aborted) throw error;
    throw explain(error, response);
  }
  if (!response.ok) {
    throw new ApiError(
      answer?.error ?? `The service answered with status ${response.status}.`,
      answer?.hint ?? "Try again in a moment.",
    );
  }
  return answer;
}

function explain(error, response) {
  if (error.name === "TimeoutError") {
    return new ApiError("The service takes too long to answer.", "Try again in a moment.");
  }
  if (response && !response.ok) {
    return new ApiError(`The service answered with status ${response.status}.`, "Try again in a moment.");
  }
  if (response) {
    return new ApiError("The service gave an answer that this page cannot read.", "Reload the page.");
  }
  return new ApiError("The service cannot be reached.", "See whether it runs, then try again.");
}

/** What to tell a person about any error: the problem, and what to do. */
export function describe(error) {
  if (error instanceof ApiError) return [error.message, error.hint];
  return ["The service gave an answer that this page cannot read.", "Reload the page."];
}
