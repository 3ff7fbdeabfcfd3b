/** Requests to the service; every failure becomes an ApiError with a readable message. */

import { wordsForVisitors } from "./visitors.js";

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
    throw refused(response, answer);
  }
  return answer;
}

function refused({ status, headers }, answer) {
  return new ApiError(...wordsForVisitors({ status, header: (name) => headers.get(name) }, answer));
}

function explain(error, response) {
  if (error.name === "TimeoutError") {
    return new ApiError(`The service did not answer within ${TIMEOUT_MS / 1000} s.`, "Try again in a moment.");
  }
  if (response && !response.ok) return refused(response, null);
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
