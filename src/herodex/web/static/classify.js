/** Sends an image to the service, scaled down before if it is large. */

import { ApiError, ask } from "./api.js";
import { shrink } from "./shrink.js";
import { withHint } from "./strings.js";

/**
 * @param {File} file
 * @param {{maxSide: number, maxMegabytes: number}} settings of the service
 * @param {{explain?: boolean, signal?: AbortSignal, progress?: (sent: number, total: number) => void}} [options]
 * @returns {Promise<object>} the service's answer
 */
export async function classify(file, { maxSide, maxMegabytes }, { explain = false, signal, progress } = {}) {
  const small = await shrink(file, maxSide);
  if (small.size > maxMegabytes * 2 ** 20) {
    throw new ApiError(...withHint("error.file_size", { size: maxMegabytes }));
  }
  const form = new FormData();
  form.append("image", small);
  return ask(`api/classify${explain ? "?explain=true" : ""}`, { method: "POST", body: form }, signal, progress);
}
