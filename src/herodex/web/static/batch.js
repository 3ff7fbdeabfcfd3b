/** Many images: a table that fills as answers come. */

import { describe } from "./api.js";
import { classify } from "./classify.js";
import { displayName } from "./class_names.js";
import { element, percent } from "./dom.js";
import { createQueue } from "./queue.js";
import { saveText, toCsv } from "./save.js";
import { t } from "./strings.js";
import { wordAnswer } from "./verdict.js";

/** Pixels of a thumbnail's height, twice as it is shown, for screens of high density. */
const THUMBNAIL = 72;
const TICK_MS = 500;
const COLUMNS = ["file", "state", "answer", "display_name", "probability", "confidence_set", "looks_like", "model", "problem"];

/**
 * @param {HTMLElement} view
 * @param {object} about settings of the page
 * @param {object} settings for `classify`
 * @param {(file: File, answer: object) => void} show called with the chosen row's image and answer
 * @returns {{add: (images: {name: string, open: () => Promise<File>}[]) => void}}
 */
export function setUpBatch(view, about, settings, show) {
  const panel = view.querySelector(".batch");
  const part = (name) => panel.querySelector(name);
  const body = part("tbody");
  const queue = createQueue(about);
  let rows = [];
  let stopped = new AbortController();
  let ticking;

  function add(images) {
    const added = images.map((image) => createRow(image, show));
    rows.push(...added);
    body.append(...added.map(({ shown }) => shown));
    panel.hidden = false;
    panel.scrollIntoView({ block: "nearest" });
    start(added);
  }

  function start(started) {
    stopped = stopped.signal.aborted ? new AbortController() : stopped;
    for (const row of started) classifyRow(row, stopped.signal);
    clearInterval(ticking);
    ticking = setInterval(showState, TICK_MS);
    showState();
  }

  async function classifyRow(row, signal) {
    row.set("waiting");
    try {
      await queue.add(async () => {
        signal.throwIfAborted();
        const file = await row.image.open();
        const answer = await classify(file, settings, { signal });
        await row.set("answered", { answer, words: wordAnswer(answer), file });
      });
    } catch (error) {
      if (signal.aborted) row.set("stopped");
      else row.set("failed", { problem: describe(error).join(" ") });
    }
    showState();
  }

  function showState() {
    const count = (state) => rows.filter((row) => row.state === state).length;
    const [answered, failed, left] = [count("answered"), count("failed"), count("stopped")];
    const done = answered + failed + left;
    const running = done < rows.length;
    part(".batch-progress progress").value = rows.length ? (answered + failed) / rows.length : 0;
    const progress = [
      t("batch.progress", { done: answered + failed, total: rows.length }),
      failed && t("batch.failed", { count: failed }),
      running && queue.pauseS() && t("batch.pause", { seconds: queue.pauseS() }),
    ];
    part(".batch-count").textContent = progress.filter(Boolean).join(" · ");
    part(".stop").hidden = !running;
    part(".retry").hidden = running || !(failed + left);
    part(".retry").textContent = t(left ? "batch.continue" : "batch.retry");
    // Once at the end, because screen readers read it out.
    const states = [
      t("batch.answered", { count: answered }),
      failed && t("batch.failed", { count: failed }),
      left && t("batch.left", { count: left }),
    ];
    const end = { count: rows.length, states: states.filter(Boolean).join(", ") };
    const text = running ? t("batch.running", { count: rows.length }) : t("batch.end", end);
    if (part(".batch-state").textContent !== text) part(".batch-state").textContent = text;
    if (running) return;
    clearInterval(ticking);
    arrange();
  }

  /** Put the rows in the chosen order. */
  function arrange() {
    const sorted = part(".sort").getAttribute("aria-pressed") === "true" ? [...rows].sort(byCertainty) : rows;
    if (sorted.some(({ shown }, place) => shown !== body.children[place])) body.append(...sorted.map(({ shown }) => shown));
  }

  part(".sort").addEventListener("click", ({ currentTarget: button }) => {
    button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
    arrange();
  });
  part(".stop").addEventListener("click", stop);
  part(".retry").addEventListener("click", () => {
    start(rows.filter(({ state }) => state === "failed" || state === "stopped"));
    part(".stop").focus();
  });
  part(".save-csv").addEventListener("click", () => saveText("herodex.csv", "text/csv", toCsv([COLUMNS, ...rows.map(cells)])));
  part(".save-json").addEventListener("click", () => {
    saveText("herodex.json", "application/json", JSON.stringify(rows.map(toRecord), null, 2));
  });
  part(".remove").addEventListener("click", () => {
    stop();
    rows = [];
    body.replaceChildren();
    panel.hidden = true;
    view.querySelector("#image").focus();
  });

  function stop() {
    stopped.abort();
    queue.clear();
    for (const row of rows) if (row.state === "waiting") row.set("stopped");
    showState();
  }

  return { add };
}

/** Answers of low probability first, then images without an answer. */
function byCertainty(a, b) {
  return (a.words?.share ?? 2) - (b.words?.share ?? 2);
}

/** A row with its image; `set` changes its state and what it shows. */
function createRow(image, show) {
  const name = element("span", "file-name", image.name.split("/").pop());
  name.title = image.name;
  const thumbnail = element("span", "thumbnail");
  const first = element("th", "", element("div", "image-cell", thumbnail, name));
  const [answer, value] = [element("td", ""), element("td", "number")];
  first.scope = "row";
  const row = { image, shown: element("tr", "", first, answer, value), state: "", set };

  async function set(state, { answer: answered, words, file, problem = "" } = {}) {
    Object.assign(row, { state, answer: answered, words, problem });
    row.shown.dataset.state = state;
    value.textContent = words ? percent(words.share) : "";
    // What went wrong takes more words than a class.
    value.hidden = state === "failed";
    answer.colSpan = value.hidden ? 2 : 1;
    if (!words) {
      answer.replaceChildren(problem || t(`batch.${state}`));
      return;
    }
    const open = element("button", "open", words.heading);
    open.type = "button";
    open.title = words.detail;
    open.addEventListener("click", async () => {
      try {
        show(await image.open(), answered);
      } catch (error) {
        // The file has changed since it was classified.
        set("failed", { problem: describe(error).join(" ") });
      }
    });
    answer.replaceChildren(open);
    await drawThumbnail(thumbnail, file);
  }

  return row;
}

async function drawThumbnail(place, file) {
  try {
    const bitmap = await createImageBitmap(file, { resizeHeight: THUMBNAIL, resizeQuality: "medium" });
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    place.replaceChildren(canvas);
  } catch {
    // The browser cannot show every image that the service can decode.
  }
}

function cells({ image, state, answer, words, problem }) {
  if (!answer) return [image.name, state, "", "", "", "", "", "", problem];
  const name = words.answer === "unknown" ? words.heading : displayName(words.answer);
  const set = (answer.set ?? []).join("; ");
  return [image.name, state, words.answer, name, words.share, set, answer.looks_like, answer.model, ""];
}

function toRecord({ image, state, answer, problem }) {
  return { file: image.name, state, ...(answer ? { answer } : {}), ...(problem ? { problem } : {}) };
}
