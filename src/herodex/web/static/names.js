/** Invented names: form, results and shareable addresses. */

import { ApiError, ask, describe } from "./api.js";
import { copyText } from "./copy.js";
import { element } from "./dom.js";
import { currentView, visit } from "./views.js";

const COPIED_MS = 1500;

/** @returns {() => void} shows the names of the address if it has a seed */
export function setUpNames(section, about) {
  const form = section.querySelector("form");
  const buttons = [...section.querySelectorAll("[type=submit]")];
  const error = section.querySelector(".error");
  const count = pair(section, "count", 1, about.max_names);
  const temperature = pair(section, "temperature", about.min_temperature, about.max_temperature);
  const prefix = section.querySelector("#prefix");
  prefix.maxLength = about.max_prefix;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const request = { count: count.valueAsNumber, temperature: temperature.valueAsNumber, prefix: prefix.value };
    const answer = await invent(request);
    if (answer) visit(`names?${new URLSearchParams({ ...request, seed: answer.seed })}`);
  });

  async function invent(request) {
    const pressed = document.activeElement;
    for (const button of buttons) button.disabled = true;
    let answer = null;
    try {
      checkBounds(count, temperature);
      const headers = { "content-type": "application/json" };
      answer = await ask("api/names", { method: "POST", headers, body: JSON.stringify(request) });
      showNames(section, answer);
      error.hidden = true;
    } catch (problem) {
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
    const request = new URLSearchParams(location.search);
    if (currentView() !== "names" || !request.has("seed")) return;
    for (const [name, field] of Object.entries({ count, temperature, prefix })) {
      if (request.has(name)) field.value = request.get(name);
      field.dispatchEvent(new Event("input"));
    }
    invent({
      count: count.valueAsNumber,
      temperature: temperature.valueAsNumber,
      prefix: prefix.value,
      seed: Number(request.get("seed")),
    });
  }

  showAddressed();
  return showAddressed;
}

function showNames(section, { names, seed }) {
  section.querySelector(".cards").replaceChildren(...names.map(card));
  section.querySelector(".waiting").hidden = true;
  section.querySelector(".more").hidden = false;
  section.querySelector(".seed").textContent =
    `Seed ${seed}. Share this link to show the same names. Nats per character: lower = more typical.`;
}

/** Link a number field and its slider; the field holds the value. */
function pair(section, id, min, max) {
  const field = section.querySelector(`#${id}`);
  const slider = section.querySelector(`#${id}-slider`);
  for (const input of [field, slider]) Object.assign(input, { min, max });
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
      const kind = whole ? "a whole number" : "a number";
      throw new ApiError(`“${field.labels[0].textContent}” must be ${kind} from ${min} to ${max}.`, "");
    }
  }
}

function card({ name, novel, nearest, distance, nats }) {
  const edits = distance === 1 ? "1 edit" : `${distance} edits`;
  const closest = novel ? ` closest real name: ${nearest} (${edits})` : " already on the list";
  const badge = element("span", novel ? "badge new" : "badge", novel ? "new" : "real");
  const head = element("div", "title", element("strong", "", name), copyButton(name));
  const score = element("span", "score", `${nats.toFixed(2)} nats per character`);
  return element("li", "", head, element("span", "closest", badge, closest), score);
}

function copyButton(name) {
  const button = element("button", "copy", "Copy");
  button.type = "button";
  button.setAttribute("aria-label", `Copy ${name}`);
  button.addEventListener("click", async () => {
    const copied = await copyText(name);
    button.textContent = copied ? "Copied" : "Failed";
    button.setAttribute("aria-label", copied ? `Copied ${name}` : `${name} could not be copied`);
    setTimeout(() => {
      button.textContent = "Copy";
      button.setAttribute("aria-label", `Copy ${name}`);
    }, COPIED_MS);
  });
  return button;
}
