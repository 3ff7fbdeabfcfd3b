/** Requests to the service; every failure becomes an ApiError with a readable message. */

import { withHint } from "./strings.js";
import { wordsForVisitors } from "./visitors.js";

/** Longest time in which no byte moves; a slow upload may take longer altogether. */
const SILENCE_MS = 30_000;

/** Pause after a refusal that does not say how long to wait. */
const PAUSE_S = 5;
const RATE = 429;
const BUSY = 503;

export class ApiError extends Error {
  /** Seconds after which the service would accept the request; 0 if it would refuse it again. */
  retryAfterS = 0;

  constructor(problem, hint) {
    super(problem);
    this.hint = hint;
  }
}

/**
 * Send a request and return its JSON response.
 *
 * @param {string} path relative, so that the page works under any prefix
 * @param {{method?: string, headers?: Record<string, string>, body?: BodyInit}} [options]
 * @param {AbortSignal} [cancel] cancels the request; the promise then rejects with an AbortError
 * @param {(sent: number, total: number) => void} [progress] called while the body is sent
 */
export async function ask(path, options = {}, cancel = new AbortController().signal, progress = () => {}) {
  cancel.throwIfAborted();
  const response = await send(path, options, cancel, progress);
  const succeeded = response.status >= 200 && response.status < 300;
  let answer = null;
  try {
    answer = JSON.parse(response.responseText);
  } catch {
    if (succeeded) throw new ApiError(...withHint("error.unexpected"));
  }
  if (succeeded) return answer;
  const header = (name) => response.getResponseHeader(name);
  const error = new ApiError(...wordsForVisitors({ status: response.status, header }, answer));
  if ([RATE, BUSY].includes(response.status)) error.retryAfterS = Number(header("retry-after")) || PAUSE_S;
  throw error;
}

/** Send a request by XMLHttpRequest, because fetch reports no progress of an upload. */
function send(path, { method = "GET", headers = {}, body = null }, cancel, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let uploading = false;
    let silence;
    const restart = () => {
      clearTimeout(silence);
      silence = setTimeout(() => {
        reject(silent(uploading));
        request.abort();
      }, SILENCE_MS);
    };
    request.open(method, path);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      restart();
      uploading = loaded < total;
      progress(loaded, total);
    });
    request.addEventListener("progress", restart);
    request.addEventListener("load", () => resolve(request));
    request.addEventListener("error", () => reject(broken(uploading)));
    request.addEventListener("abort", () => reject(cancel.reason));
    request.addEventListener("loadend", () => clearTimeout(silence));
    cancel.addEventListener("abort", () => request.abort());
    restart();
    request.send(body);
  });
}

function silent(uploading) {
  const seconds = SILENCE_MS / 1000;
  if (uploading) return new ApiError(...withHint("error.upload_stalled", { seconds }));
  return new ApiError(...withHint("error.no_answer", { seconds }));
}

function broken(uploading) {
  if (uploading) return new ApiError(...withHint("error.upload_broken"));
  return new ApiError(...withHint("error.unreachable"));
}

/** @returns {[string, string]} the problem and what to do about it, for any error */
export function describe(error) {
  if (error instanceof ApiError) return [error.message, error.hint];
  return withHint("error.unexpected");
}
