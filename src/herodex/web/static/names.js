/** Invented names: how many, how daring, and how new each one is. */

import { ApiError, ask, describe } from "./api.js";
import { element } from "./dom.js";

export function setUpNames(section, about) {
  const form = section.querySelector("form");
  const button = form.querySelector("button");
  const error = section.querySelector(".error");
  const cards = section.querySelector(".cards");
  const seed = section.querySelector(".seed");
  const count = pair(section, "count", 1, about.max_names);
  const temperature = pair(section, "temperature", about.min_temperature, about.max_temperature);

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      checkBounds(count, temperature);
      const body = JSON.stringify({ count: count.valueAsNumber, temperature: temperature.valueAsNumber });
      const headers = { "content-type": "application/json" };
      const answer = await ask("api/names", { method: "POST", headers, body });
      cards.replaceChildren(...answer.names.map(card));
      section.querySelector(".waiting").hidden = true;
      seed.textContent = `Seed ${answer.seed} gives these again.`;
      error.hidden = true;
    } catch (problem) {
      error.textContent = describe(problem).join(" ");
      error.hidden = false;
    }
    button.disabled = false;
  });
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

function card({ name, novel, nearest, distance }) {
  const apart = distance === 1 ? "1 letter" : `${distance} letters`;
  const kin = novel ? ` nearest to ${nearest}, ${apart} away` : " on the list already";
  const badge = element("span", novel ? "badge new" : "badge", novel ? "new" : "real");
  return element("li", "", element("strong", "", name), element("span", "kin", badge, kin));
}
