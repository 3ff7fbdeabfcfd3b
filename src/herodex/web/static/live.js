/** The camera as a stream: several answers a second, each for the newest frame. */

import { ApiError, describe } from "./api.js";
import { classify } from "./classify.js";
import { createPace } from "./queue.js";
import { t, withHint } from "./strings.js";
import { currentView } from "./views.js";

/** Share of the rate limit that the camera uses; the rest is for what visitors do meanwhile. */
const SHARE = 0.75;
const QUALITY = 0.9;
const REPLACED = "replaced";
const PROBLEMS = { NotAllowedError: "denied", NotFoundError: "missing", NotReadableError: "in_use" };

/**
 * @param {HTMLElement} view
 * @param {object} about settings of the page
 * @param {object} settings for `classify`
 * @param {{begin: () => void, show: (answer: object) => void, fail: (problem: string, hint: string) => void,
 *   end: (message: string, last: {file: File, answer: object} | null) => void}} page told about the camera; `end`
 *   gets the last frame unless another image has replaced it
 * @returns {{replace: () => void}} turns the camera off for another image
 */
export function setUpLive(view, about, settings, { begin, show, fail, end }) {
  const button = view.querySelector(".live-toggle");
  const video = view.querySelector(".live");
  let running = null;
  // Browsers offer cameras to secure pages only.
  button.hidden = !navigator.mediaDevices?.getUserMedia;
  button.addEventListener("click", () => (running ? stop("pressed") : start()));
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stop("hidden");
  });

  async function start() {
    running = new AbortController();
    const { signal } = running;
    press(true);
    begin();
    let stream;
    let last = null;
    let count = 0;
    try {
      stream = await openCamera();
      video.srcObject = stream;
      await video.play();
      video.hidden = false;
      for await (last of answers(signal)) {
        show(last.answer);
        count += 1;
      }
    } catch (error) {
      if (!signal.aborted) fail(...describe(error));
    }
    for (const track of stream?.getTracks() ?? []) track.stop();
    running = null;
    video.hidden = true;
    video.srcObject = null;
    press(false);
    end(t("camera.off", { count }), signal.reason === REPLACED ? null : last);
  }

  async function* answers(signal) {
    const pace = createPace(about.requests_per_minute * SHARE, 1);
    while (!signal.aborted && currentView() === "recognise") {
      await sleep(pace.wait());
      if (signal.aborted) return;
      pace.count();
      try {
        const file = await grab(video, settings.maxSide);
        yield { file, answer: await classify(file, settings, { signal }) };
      } catch (error) {
        if (signal.aborted || !error.retryAfterS) throw error;
        await sleep(1000 * error.retryAfterS);
      }
    }
  }

  function press(pressed) {
    button.setAttribute("aria-pressed", pressed);
    button.textContent = t(pressed ? "camera.stop" : "camera.start");
    // Several answers a second are too many to be read out.
    view.querySelector(".verdict").setAttribute("aria-live", pressed ? "off" : "polite");
  }

  function stop(reason) {
    running?.abort(reason);
  }

  return { replace: () => stop(REPLACED) };
}

async function openCamera() {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (error) {
    const problem = PROBLEMS[error.name] ?? "failed";
    throw new ApiError(...withHint(`camera.${problem}`));
  }
}

/** The frame that the camera shows now, as small as the service would make it. */
async function grab(video, side) {
  const scale = Math.min(1, side / Math.max(video.videoWidth, video.videoHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(video.videoWidth * scale));
  canvas.height = Math.max(1, Math.round(video.videoHeight * scale));
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  return new File([blob], "camera.jpg", { type: "image/jpeg" });
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
