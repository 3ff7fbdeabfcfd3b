/** Classification: image input and the service's answer. */

import { describe } from "./api.js";
import { setUpBars } from "./bars.js";
import { setUpBatch } from "./batch.js";
import { classify } from "./classify.js";
import { noteForCode } from "./code.js";
import { element, percent } from "./dom.js";
import { setUpExamples } from "./examples.js";
import { setUpFeedback } from "./feedback.js";
import { setUpHeatMap } from "./heat_map.js";
import { setUpHistory } from "./history.js";
import { setUpIntake } from "./intake.js";
import { setUpLive } from "./live.js";
import { showNearest } from "./nearest.js";
import { number, t } from "./strings.js";
import { noneOf, wordAnswer } from "./verdict.js";
import { openView } from "./views.js";

const CLASSIFYING = t("recognise.classifying");
const STARTING = t("camera.starting");

export function setUpRecognition(view, about) {
  const heatMap = setUpHeatMap(view);
  const history = setUpHistory(view, again);
  const settings = { maxSide: Number(view.dataset.maxSide), maxMegabytes: about.max_upload_mb };
  const feedback = setUpFeedback(view, about, settings);
  const batch = setUpBatch(view, about, settings, again);
  const live = setUpLive(view, about, settings, {
    begin() {
      pending.abort();
      setBusy(view, false);
      clear();
      remark(view, "");
      hidePreview(view);
      say(view, "waiting", STARTING, "");
    },
    show: (answer) => showAnswer(view, bars, answer),
    fail: (...problem) => say(view, "failed", ...problem),
    end(message, last) {
      remark(view, message);
      if (last) {
        showPreview(view, last.file);
        history.add(last.file, last.answer);
        feedback.show(last.file, last.answer);
      } else if (view.querySelector(".answer").textContent === STARTING) {
        say(view, "waiting", t("recognise.none_yet"), "");
      }
    },
  });
  let pending = new AbortController();

  const unanswered = about.classes.map((label) => ({ label }));
  const bars = setUpBars(view, [...unanswered, { label: noneOf(about.classes), none: true }]);
  markDrags(view);
  setUpExamples(view, about.examples, recognise);
  setUpIntake(
    view.querySelectorAll("input[type=file]"),
    async (images, note) => {
      openView("recognise");
      if (images.length > 1) {
        const placed = t("recognise.in_table", { count: images.length });
        remark(view, `${placed} ${note}`.trim());
        batch.add(images);
        return;
      }
      try {
        recognise(await images[0].open(), note);
      } catch (error) {
        remark(view, describe(error).join(" "));
      }
    },
    (message) => {
      openView("recognise");
      remark(view, message);
    },
  );

  async function recognise(file, note = "") {
    live.replace();
    pending.abort();
    pending = new AbortController();
    const { signal } = pending;
    clear();
    remark(view, note);
    showPreview(view, file);
    setBusy(view, true);
    say(view, "waiting", CLASSIFYING, file.name);
    try {
      const progress = (sent, total) => showUpload(view, file.name, sent, total);
      const answer = await classify(file, settings, { explain: true, signal, progress });
      show(file, answer);
      history.add(file, answer);
    } catch (error) {
      if (signal.aborted) return;
      say(view, "failed", ...describe(error));
    }
    setBusy(view, false);
  }

  /** Show an earlier answer again. */
  function again(file, answer) {
    live.replace();
    pending.abort();
    setBusy(view, false);
    clear();
    remark(view, "");
    showPreview(view, file);
    show(file, answer);
  }

  function clear() {
    bars.clear();
    heatMap.show(null);
    showNearest(view, null);
    feedback.clear();
  }

  function show(file, answer) {
    showAnswer(view, bars, answer);
    feedback.show(file, answer);
    heatMap.show(answer.heat_map);
    showNearest(view, answer.nearest);
  }
}

/** Mark the panel while something is dragged over the page. */
function markDrags(view) {
  document.addEventListener("dragover", () => view.classList.add("dragging"));
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) view.classList.remove("dragging");
  });
  document.addEventListener("drop", () => view.classList.remove("dragging"));
}

function setBusy(view, busy) {
  view.querySelector(".upload").hidden = true;
  view.classList.toggle("busy", busy);
  view.querySelector(".findings").setAttribute("aria-busy", busy);
}

/** Show how much of an upload is sent; one that is sent at once shows nothing. */
function showUpload(view, name, sent, total) {
  const upload = view.querySelector(".upload");
  const uploading = sent < total;
  // Once each, because screen readers read it out.
  if (uploading && upload.hidden) say(view, "waiting", t("recognise.uploading"), name);
  if (!uploading && !upload.hidden) say(view, "waiting", CLASSIFYING, name);
  upload.hidden = !uploading;
  upload.querySelector("progress").value = sent / total;
  upload.querySelector(".sent").textContent = t("recognise.sent", { share: percent(sent / total), size: formatSize(total) });
}

function formatSize(bytes) {
  if (bytes < 1e6) return t("recognise.kilobytes", { size: Math.ceil(bytes / 1e3) });
  return t("recognise.megabytes", { size: number(bytes / 1e6, 1) });
}

function showPreview(view, file) {
  const preview = view.querySelector(".preview");
  const show = (shown) => {
    preview.hidden = !shown;
    view.querySelector(".change").hidden = !shown;
    view.classList.toggle("chosen", shown);
  };
  noteForCode({ file: file.name });
  if (preview.src) URL.revokeObjectURL(preview.src);
  preview.onload = () => show(true);
  // The browser cannot show the file; the service reports what is wrong with it.
  preview.onerror = () => show(false);
  preview.alt = t("recognise.your_image", { file: file.name });
  preview.src = URL.createObjectURL(file);
}

function hidePreview(view) {
  view.querySelector(".preview").hidden = true;
  view.querySelector(".change").hidden = true;
  view.classList.remove("chosen");
}

function showAnswer(view, bars, answer) {
  const { state, heading, aside, detail, shares } = wordAnswer(answer);
  bars.show(shares);
  say(view, state, heading.slice(0, heading.length - aside.length), detail, aside);
  view.querySelector(".model").textContent = t("recognise.model", { model: answer.model });
}

function say(view, state, answer, detail, aside = "") {
  const verdict = view.querySelector(".verdict");
  verdict.dataset.state = state;
  verdict.querySelector(".answer").replaceChildren(answer, element("span", "aside", aside));
  verdict.querySelector(".detail").textContent = detail;
}

/** Show a remark below the answer; "" removes it. */
function remark(view, text) {
  const place = view.querySelector(".remark");
  place.textContent = text;
  place.hidden = !text;
}
