/** Requests to the service; every failure becomes an ApiError with a readable message. */

const TIMEOUT_MS = 30_000;

export class ApiError extends Error {
  constructor(problem, hint) {
    super(problem);
    this.hint = hint;
  }
}

/**
 * Send a request and return its JSON response.
 *
 * @param {string} path relative, so that the page works under any prefix
 * @param {RequestInit} [options]
 * @param {AbortSignal} [cancel] cancels the request; the promise then rejects with an AbortError
 */
export async function ask(path, options = {}, cancel = new AbortController().signal) {
  const signal = AbortSignal.any([cancel, AbortSignal.timeout(TIMEOUT_MS)]);
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
      answer?.error ?? `The service returned status ${response.status}.`,
      answer?.hint ?? "Try again in a moment.",
    );
  }
  return answer;
}

function explain(error, response) {
  if (error.name === "TimeoutError") {
    return new ApiError(`The service did not answer within ${TIMEOUT_MS / 1000} s.`, "Try again in a moment.");
  }
  if (response && !response.ok) {
    return new ApiError(`The service returned status ${response.status}.`, "Try again in a moment.");
  }
  if (response) {
    return new ApiError("The service returned an unexpected response.", "Reload the page.");
  }
  return new ApiError("The service cannot be reached.", "Check that it is running, then try again.");
}

/** @returns {[string, string]} the problem and what to do about it, for any error */
export function describe(error) {
  if (error instanceof ApiError) return [error.message, error.hint];
  return ["The service returned an unexpected response.", "Reload the page."];
}
