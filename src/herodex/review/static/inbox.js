/** Images that visitors reported: one at a time, accepted as training data or rejected. */

import { one } from "./elements.js";
import { ask, post } from "./requests.js";

function show({ labels, images }) {
  const [image] = images;
  one("#inbox").hidden = !image;
  if (!image) return;
  one("#inbox").dataset.sha256 = image.sha256;
  one("#inbox-title").textContent = `Reported by visitors: ${images.length}`;
  one("#reported").src = `/reported/${image.sha256}`;
  one("#reported").alt = `Reported as ${image.label}`;
  one("#reported-caption").textContent = image.sha256.slice(0, 12);
  one("#reports").replaceChildren(...image.reports.flatMap(facts));
  one("#inbox-label").replaceChildren(...labels.map((label) => new Option(label)));
  // A class that has left params.yaml cannot be chosen.
  one("#inbox-label").value = labels.includes(image.label) ? image.label : labels.at(-1);
}

/** Describe a report; text is never parsed as HTML. */
function facts({ label, answered, model, time, license }) {
  const rows = { "should be": label, answered, model, licence: license, time };
  return Object.entries(rows).flatMap(([name, value]) => {
    const [term, text] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    text.textContent = value;
    return [term, text];
  });
}

async function decide(label) {
  const buttons = document.querySelectorAll("#inbox button");
  for (const button of buttons) button.disabled = true;
  try {
    show(await post("/feedback", { sha256: one("#inbox").dataset.sha256, class: label }));
    one("#inbox-state").textContent = label ? `Accepted as ${label}.` : "Rejected and deleted.";
    one("#inbox-title").focus();
  } catch (error) {
    one("#inbox-state").textContent = `Not saved: ${error.message}.`;
  }
  for (const button of buttons) button.disabled = false;
}

one("#inbox-form").addEventListener("submit", (event) => {
  event.preventDefault();
  decide(one("#inbox-label").value);
});
one("#inbox .reject").addEventListener("click", () => decide(""));
// The keys of the page decide on other images.
one("#inbox").addEventListener("keydown", (event) => event.stopPropagation());

ask("/inbox")
  .then(show)
  .catch((error) => {
    one("#inbox-state").textContent = `The reports could not be loaded: ${error.message}.`;
  });
