/** "That is wrong": sends an image and its right class to the operator, if the service takes reports. */

import { ask, describe } from "./api.js";
import { displayName } from "./class_names.js";
import { element } from "./dom.js";
import { shrink } from "./shrink.js";
import { t } from "./strings.js";
import { noneOf } from "./verdict.js";

const UNKNOWN = "unknown";

/**
 * @param {HTMLElement} view
 * @param {object} about settings of the page
 * @param {{maxSide: number}} settings of the service
 * @returns {{show: (file: File, answer: object) => void, clear: () => void}}
 */
export function setUpFeedback(view, about, settings) {
  const form = view.querySelector(".feedback");
  if (!about.feedback) return { show() {}, clear() {} };
  const part = (name) => form.querySelector(name);
  const [wrong, correction, choice, state] = [".wrong", ".correction", "select", ".feedback-state"].map(part);
  let shown = null;
  form.hidden = false;
  part(".licence").textContent = about.feedback_license;
  view.querySelector(".no-history").textContent = t("history.none_reported");
  wrong.addEventListener("click", () => {
    open(correction.hidden);
    if (!correction.hidden) choice.focus();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || correction.hidden) return;
    open(false);
    wrong.focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(shown);
  });

  function open(opened) {
    correction.hidden = !opened;
    wrong.setAttribute("aria-expanded", opened);
  }

  /** Offer to correct an answer. */
  function show(file, answer) {
    clear();
    const answered = answer.known ? answer.label : UNKNOWN;
    const first = element("option", "", t("feedback.choose"));
    first.value = "";
    const others = [...about.classes, UNKNOWN].filter((label) => label !== answered);
    choice.replaceChildren(first, ...others.map((label) => option(label, about.classes)));
    shown = { file, answered, model: answer.model };
    wrong.disabled = false;
  }

  function clear() {
    shown = null;
    state.textContent = "";
    wrong.disabled = true;
    part(".send").disabled = false;
    open(false);
  }

  async function send(report) {
    part(".send").disabled = true;
    say(t("feedback.sending"));
    try {
      const body = new FormData();
      body.append("class", choice.value);
      body.append("answered", report.answered);
      body.append("model", report.model);
      body.append("image", await shrink(report.file, settings.maxSide));
      await ask("api/feedback", { method: "POST", body });
      if (report !== shown) return;
      open(false);
      wrong.disabled = true;
      say(t("feedback.thanks"));
      state.focus();
    } catch (error) {
      if (report === shown) say(describe(error).join(" "));
    }
    if (report === shown) part(".send").disabled = false;
  }

  function say(text) {
    state.textContent = text;
  }

  return { show, clear };
}

function option(label, classes) {
  const created = element("option", "", label === UNKNOWN ? noneOf(classes) : displayName(label));
  created.value = label;
  return created;
}
