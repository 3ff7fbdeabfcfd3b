/** The picture: choosing, dropping or pasting it, and what the service says it shows. */

import { ApiError, ask, describe } from "./api.js";
import { element, percent } from "./dom.js";

const NONE = "None of these";

export function setUpRecognition(section, about) {
  const input = section.querySelector("input[type=file]");
  const bars = section.querySelector(".bars");
  let pending = new AbortController();

  const unanswered = [...about.classes, NONE].map((label) => ({ label }));
  drawBars(bars, unanswered);

  input.addEventListener("change", () => {
    const [file] = input.files;
    // Emptied, so that choosing the same file once more counts as a choice.
    input.value = "";
    if (file) recognise(file);
  });
  takeDrops(section, recognise);
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (file) recognise(file);
  });

  async function recognise(file) {
    pending.abort();
    pending = new AbortController();
    const { signal } = pending;
    showPreview(section, file);
    section.classList.add("busy");
    say(section, "waiting", "Looking…", file.name);
    try {
      const answer = await classify(file, about.max_upload_mb, signal);
      showAnswer(section, bars, answer);
    } catch (error) {
      if (signal.aborted) return;
      drawBars(bars, unanswered);
      say(section, "failed", ...describe(error));
    }
    section.classList.remove("busy");
  }
}

async function classify(file, maxMegabytes, signal) {
  if (file.size > maxMegabytes * 2 ** 20) {
    throw new ApiError(`The file is larger than ${maxMegabytes} MB.`, "Choose a smaller one.");
  }
  const form = new FormData();
  form.append("image", file);
  return ask("api/classify", { method: "POST", body: form }, signal);
}

function takeDrops(section, use) {
  // A picture dropped beside the panel must not replace the page.
  for (const type of ["dragover", "drop"]) {
    document.addEventListener(type, (event) => event.preventDefault());
  }
  document.addEventListener("dragover", () => section.classList.add("dragging"));
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) section.classList.remove("dragging");
  });
  document.addEventListener("drop", (event) => {
    section.classList.remove("dragging");
    const [file] = event.dataTransfer.files;
    if (file) use(file);
  });
}

function showPreview(section, file) {
  const preview = section.querySelector(".preview");
  const show = (shown) => {
    preview.hidden = !shown;
    section.querySelector(".again").hidden = !shown;
    section.classList.toggle("chosen", shown);
  };
  if (preview.src) URL.revokeObjectURL(preview.src);
  preview.onload = () => show(true);
  // What the browser cannot show is not worth a frame; the service says what is wrong with it.
  preview.onerror = () => show(false);
  preview.alt = `Your picture: ${file.name}`;
  preview.src = URL.createObjectURL(file);
}

function showAnswer(section, bars, answer) {
  const shares = Object.entries(answer.probabilities).map(([label, share]) => ({ label, share }));
  shares.push({ label: NONE, share: answer.unknown });
  shares.sort((a, b) => b.share - a.share);
  drawBars(bars, shares);
  const likeliest = percent(answer.probabilities[answer.label]);
  if (answer.known) {
    say(section, "known", answer.label, `with a probability of ${likeliest}`);
  } else {
    say(section, "unknown", NONE, `The nearest is ${answer.label}, with ${likeliest}.`);
  }
  section.querySelector(".model").textContent = `Answered by model ${answer.model}`;
}

/** Draw a bar for each answer; one without a share has none yet. */
function drawBars(bars, shares) {
  bars.replaceChildren(
    ...shares.map(({ label, share }, place) => {
      const value = element("span", "value", share === undefined ? "–" : percent(share));
      const bar = element("span", "bar", element("span", "fill"));
      bar.setAttribute("aria-hidden", "true");
      const row = element("li", "", element("span", "label", label), value, bar);
      row.classList.toggle("top", place === 0 && share !== undefined);
      row.classList.toggle("none", label === NONE);
      // In the next frame, so that the bar is seen growing.
      requestAnimationFrame(() => row.style.setProperty("--share", share ?? 0));
      return row;
    }),
  );
}

function say(section, state, answer, detail) {
  const verdict = section.querySelector(".verdict");
  verdict.dataset.state = state;
  verdict.querySelector(".answer").textContent = answer;
  verdict.querySelector(".detail").textContent = detail;
}
