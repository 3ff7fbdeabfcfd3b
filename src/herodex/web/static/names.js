/** Invented names: form, results and shareable addresses. */

import { ApiError, ask, describe } from "./api.js";
import { noteForCode } from "./code.js";
import { copyText, showCopied } from "./copy.js";
import { element } from "./dom.js";
import { saveText } from "./save.js";
import { setUpStarred } from "./starred.js";
import { number, t } from "./strings.js";
import { currentView, searchOf, visit } from "./views.js";

const COPIED_MS = 1500;
/** Above it, names are mostly unreadable; the field and the API accept more. */
const MAX_SLIDER_TEMPERATURE = 2;
/** What a temperature means, by its upper end. */
const MEANINGS = [
  [0.75, t("names.typical")],
  [1.25, t("names.balanced")],
  [1.65, t("names.unusual")],
  [2, t("names.wild")],
  [Infinity, t("names.random")],
];

/** @returns {() => void} shows the names of the address, or none if it has no seed */
export function setUpNames(section, about) {
  const form = section.querySelector("form");
  const buttons = [...section.querySelectorAll("[type=submit]")];
  const error = section.querySelector(".error");
  const count = pair(section, "count", 1, about.max_names);
  const temperature = pair(section, "temperature", about.min_temperature, about.max_temperature, MAX_SLIDER_TEMPERATURE);
  const prefix = section.querySelector("#prefix");
  const stars = setUpStarred(section.querySelector(".starred"));
  prefix.maxLength = about.max_prefix;
  explain(section, temperature);
  let shown = "";
  let turn = 0;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const request = { count: count.valueAsNumber, temperature: temperature.valueAsNumber, prefix: prefix.value };
    const answer = await invent(request);
    if (!answer) return;
    shown = searchOf({ ...request, seed: answer.seed });
    visit("names", `names${shown}`);
  });
  offer(section.querySelector(".invented"), () => namesOf(section.querySelector(".cards")));
  offer(section.querySelector(".starred"), stars.names);

  /** @returns {Promise<object | null>} the answer; null if there is none, or another request was made meanwhile */
  async function invent(request) {
    turn += 1;
    const mine = turn;
    const pressed = document.activeElement;
    for (const button of buttons) button.disabled = true;
    let answer = null;
    try {
      checkBounds(count, temperature);
      const headers = { "content-type": "application/json" };
      answer = await ask("api/names", { method: "POST", headers, body: JSON.stringify(request) });
      if (mine !== turn) return null;
      showNames(section, answer, stars);
      noteForCode({ names: { ...request, seed: answer.seed } });
      error.hidden = true;
    } catch (problem) {
      if (mine !== turn) return null;
      answer = null;
      error.textContent = describe(problem).join(" ");
      error.hidden = false;
    }
    for (const button of buttons) button.disabled = false;
    // A disabled button loses the focus; give it back for keyboard users.
    if (document.activeElement === document.body) pressed.focus();
    return answer;
  }

  function showAddressed() {
    if (currentView() !== "names" || location.search === shown) return;
    shown = location.search;
    const request = new URLSearchParams(shown);
    form.reset();
    for (const [name, field] of Object.entries({ count, temperature, prefix })) {
      if (request.has(name)) field.value = request.get(name);
      field.dispatchEvent(new Event("input"));
    }
    clear();
    if (!request.has("seed")) return;
    invent({
      count: count.valueAsNumber,
      temperature: temperature.valueAsNumber,
      prefix: prefix.value,
      seed: Number(request.get("seed")),
    });
  }

  /** Show no names, because the address has others. */
  function clear() {
    turn += 1;
    for (const button of buttons) button.disabled = false;
    error.hidden = true;
    section.querySelector(".cards").replaceChildren();
    section.querySelector(".waiting").hidden = false;
    for (const button of section.querySelectorAll(".invented-foot button")) button.hidden = true;
    section.querySelector(".seed").textContent = "\u00a0";
  }

  showAddressed();
  return showAddressed;
}

function showNames(section, { names, seed }, stars) {
  section.querySelector(".cards").replaceChildren(...names.map((name) => card(name, stars)));
  section.querySelector(".waiting").hidden = true;
  for (const button of section.querySelectorAll(".invented-foot button")) button.hidden = false;
  section.querySelector(".seed").textContent = t("names.seed", { seed: String(seed) });
}

function namesOf(cards) {
  return [...cards.querySelectorAll("strong")].map(({ textContent }) => textContent);
}

/** Let buttons copy and save a list of names, one per line. */
function offer(place, list) {
  const text = () => list().map((name) => `${name}\n`).join("");
  const copy = place.querySelector(".copy-all");
  copy.addEventListener("click", () => showCopied(copy, text()));
  place.querySelector(".save-text").addEventListener("click", () => saveText("names.txt", "text/plain", text()));
}

/** Say in words what the temperature means. */
function explain(section, field) {
  const meaning = section.querySelector("#temperature-meaning");
  const say = () => {
    const value = field.valueAsNumber;
    meaning.textContent = MEANINGS.find(([end]) => value <= end)?.[1] ?? "\u00a0";
  };
  for (const input of section.querySelectorAll("#temperature, #temperature-slider")) input.addEventListener("input", say);
  say();
}

/** Link a number field and its slider; the field holds the value, and may have a greater one than the slider. */
function pair(section, id, min, max, sliderMax = max) {
  const field = section.querySelector(`#${id}`);
  const slider = section.querySelector(`#${id}-slider`);
  Object.assign(field, { min, max });
  Object.assign(slider, { min, max: Math.min(max, sliderMax) });
  slider.value = field.value;
  slider.addEventListener("input", () => (field.value = slider.value));
  field.addEventListener("input", () => (slider.value = field.value));
  return field;
}

/** Report values out of bounds by the labels of their fields. */
function checkBounds(...fields) {
  for (const field of fields) {
    const { min, max, step, valueAsNumber: value } = field;
    const whole = step === "1";
    const fits = value >= min && value <= max && (!whole || Number.isInteger(value));
    field.setAttribute("aria-invalid", !fits);
    if (!fits) {
      field.focus();
      const values = { field: field.labels[0].textContent, min: Number(min), max: Number(max) };
      throw new ApiError(t(whole ? "names.whole_bounds" : "names.bounds", values), "");
    }
  }
}

function card({ name, novel, nearest, distance, nats }, stars) {
  const closest = novel ? t("names.closest", { nearest, count: distance }) : t("names.listed");
  const badge = element("span", novel ? "badge new" : "badge", t(novel ? "names.new" : "names.real"));
  const actions = element("span", "buttons", stars.button(name), copyButton(name));
  const head = element("div", "title", element("strong", "", name), actions);
  const score = element("span", "score", t("names.score", { nats: number(nats, 2) }));
  return element("li", "", head, element("span", "closest", badge, ` ${closest}`), score);
}

function copyButton(name) {
  const button = element("button", "copy", t("copy.button"));
  button.type = "button";
  button.setAttribute("aria-label", t("copy.name", { text: name }));
  button.addEventListener("click", async () => {
    const copied = await copyText(name);
    button.textContent = t(copied ? "copy.done" : "copy.failed");
    button.setAttribute("aria-label", t(copied ? "copy.name_done" : "copy.name_failed", { text: name }));
    setTimeout(() => {
      button.textContent = t("copy.button");
      button.setAttribute("aria-label", t("copy.name", { text: name }));
    }, COPIED_MS);
  });
  return button;
}
