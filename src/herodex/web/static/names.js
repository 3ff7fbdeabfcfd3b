/** Invented names: how many, how daring, how they start, and how new and how likely each one is. */

import { ApiError, ask, describe } from "./api.js";
import { copyText } from "./copy.js";
import { element } from "./dom.js";
import { currentView, visit } from "./views.js";

const COPIED_MS = 1500;

/** @returns {() => void} shows the names that the address asks for, if it names a seed */
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
    const wish = { count: count.valueAsNumber, temperature: temperature.valueAsNumber, prefix: prefix.value };
    const answer = await invent(wish);
    if (answer) visit(`names?${new URLSearchParams({ ...wish, seed: answer.seed })}`);
  });

  async function invent(wish) {
    const pressed = document.activeElement;
    for (const button of buttons) button.disabled = true;
    let answer = null;
    try {
      checkBounds(count, temperature);
      const headers = { "content-type": "application/json" };
      answer = await ask("api/names", { method: "POST", headers, body: JSON.stringify(wish) });
      showNames(section, answer);
      error.hidden = true;
    } catch (problem) {
      answer = null;
      error.textContent = describe(problem).join(" ").replace("'prefix'", `“${prefix.labels[0].textContent}”`);
      error.hidden = false;
    }
    for (const button of buttons) button.disabled = false;
    // A button that is disabled loses the focus, and the keyboard its place.
    if (document.activeElement === document.body) pressed.focus();
    return answer;
  }

  function showAddressed() {
    const wish = new URLSearchParams(location.search);
    if (currentView() !== "names" || !wish.has("seed")) return;
    for (const [name, field] of Object.entries({ count, temperature, prefix })) {
      if (wish.has(name)) field.value = wish.get(name);
      field.dispatchEvent(new Event("input"));
    }
    invent({
      count: count.valueAsNumber,
      temperature: temperature.valueAsNumber,
      prefix: prefix.value,
      seed: Number(wish.get("seed")),
    });
  }

  showAddressed();
  return showAddressed;
}

function showNames(section, { names, seed }) {
  section.querySelector(".cards").replaceChildren(...names.map(card));
  section.querySelector(".waiting").hidden = true;
  section.querySelector(".once-more").hidden = false;
  section.querySelector(".seed").textContent =
    `Seed ${seed}: this page's address gives these again. The fewer nats, the likelier the model finds a name.`;
}

/** Bind a number field to its slider; the field holds the value. */
function pair(section, id, min, max) {
  const field = section.querySelector(`#${id}`);
  const slider = section.querySelector(`#${id}-slider`);
  for (const input of [field, slider]) Object.assign(input, { min, max });
  slider.value = field.value;
  slider.addEventListener("input", () => (field.value = slider.value));
  field.addEventListener("input", () => (slider.value = field.value));
  return field;
}

/** Word what the service would word in its own terms. */
function checkBounds(...fields) {
  for (const field of fields) {
    const { min, max, valueAsNumber: value } = field;
    const fits = value >= min && value <= max;
    field.setAttribute("aria-invalid", !fits);
    if (!fits) {
      field.focus();
      throw new ApiError(`“${field.labels[0].textContent}” takes a number from ${min} to ${max}.`, "");
    }
  }
}

function card({ name, novel, nearest, distance, nats }) {
  const apart = distance === 1 ? "1 letter" : `${distance} letters`;
  const kin = novel ? ` nearest to ${nearest}, ${apart} away` : " on the list already";
  const badge = element("span", novel ? "badge new" : "badge", novel ? "new" : "real");
  const head = element("div", "title", element("strong", "", name), copyButton(name));
  const score = element("span", "score", `${nats.toFixed(2)} nats a letter`);
  return element("li", "", head, element("span", "kin", badge, kin), score);
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
