/** The image under review: large, with its facts, and beside the kept one of its pair. */

import { MAP, changed, current, decisionOn, describe, images, unfiltered, view, words } from "./board.js";
import { showError } from "./decisions.js";
import { element, one } from "./elements.js";
import { ask } from "./requests.js";

const SIDE = 480;

/** Facts of images that are only on the map, by sha256. */
const fetched = new Map();

/** Return the facts of an image; those of the map's images are loaded when one is shown. */
function factsOf(image) {
  if ("meaning" in image) return image;
  const { sha256 } = image;
  if (!fetched.has(sha256)) {
    fetched.set(sha256, { ...image, meaning: "", size: "" });
    ask(`/facts/${sha256}`)
      .then((facts) => {
        fetched.set(sha256, facts);
        changed();
      })
      .catch((error) => showError(`The facts of this image could not be loaded: ${error.message}.`));
  }
  return fetched.get(sha256);
}

function fact(name, ...value) {
  return value.some(Boolean) ? [element("dt", "", name), element("dd", "", ...value)] : [];
}

function link(address, text) {
  const made = element("a", "", text);
  return Object.assign(made, { href: address, target: "_blank", rel: "noopener noreferrer" });
}

const titled = ({ page_url, title }) => (page_url ? link(page_url, title || page_url) : title);

/** Set an attribute only if it changes, so that a loaded image does not flicker. */
function setImage(image, sha256, alt) {
  const source = `/thumbnail/${SIDE}/${sha256}`;
  if (image.getAttribute("src") !== source) image.src = source;
  image.alt = alt;
}

/** Name the kept image of a pair of duplicates, and show it beside the dropped one. */
function drawOriginal({ original }) {
  one("#original-figure").hidden = !original;
  if (!original) return;
  setImage(one("#original"), original.sha256, `Its duplicate: ${original.query}`);
  const decision = decisionOn(original);
  one("#original-caption").replaceChildren(
    element("strong", "", original.kept ? "kept: " : "dropped too: "),
    titled(original) || original.sha256.slice(0, 12),
    ` · query ${original.query} · label ${original.label} · ${original.size} · `,
    element("code", "", original.sha256.slice(0, 12)),
    decision ? ` · decided: ${describe(decision)}` : "",
  );
}

export function draw() {
  const image = current();
  one("#looked-at").hidden = !image;
  one("#nothing").hidden = Boolean(image);
  const none = view.mode === MAP ? "Select images on the map to decide on them here." : "No image of this query needs review.";
  one("#nothing").textContent = unfiltered().length ? "" : none;
  if (!image) return;
  const facts = factsOf(image);
  const decision = decisionOn(image);
  setImage(one("#image"), image.sha256, `${image.query}: ${words(image.reason)}`);
  one("#image-caption").replaceChildren(
    ...(facts.original ? [element("strong", "", "duplicate: ")] : []),
    `${view.place + 1} of ${images().length}`,
    facts.size ? ` · ${facts.size}` : "",
  );
  drawOriginal(facts);
  one("#verdict").replaceChildren(
    element("span", `reason ${image.reason}`, words(image.reason)),
    element("span", decision ? `decision ${decision.decision}` : "decision", describe(decision)),
    element("span", "meaning", facts.meaning),
  );
  const source = facts.page_url ? titled(facts) : facts.source;
  one("#details").replaceChildren(
    ...fact("score", image.score.toFixed(3)),
    ...fact("query", image.query),
    ...fact("label", image.label),
    ...fact("looks like", image.looks_like),
    ...fact("source", source ?? "", facts.page_url && facts.source ? ` · ${facts.source}` : ""),
    ...fact("author", facts.author),
    ...fact("licence", facts.license || "not stated"),
    ...fact("sha256", element("code", "", image.sha256.slice(0, 12))),
  );
}

/** Open a whole image. */
function open(sha256, caption) {
  one("#whole-image").src = `/image/${sha256}`;
  one("#whole-image").alt = caption;
  one("#whole-caption").textContent = caption;
  one("#whole").showModal();
}

export function openWhole() {
  const image = current();
  if (image) open(image.sha256, `${image.query}: ${words(image.reason)}`);
}

export function listen() {
  const whole = one("#whole");
  one("#image").closest("button").addEventListener("click", openWhole);
  one("#original").closest("button").addEventListener("click", () => {
    const { original } = factsOf(current());
    open(original.sha256, `${original.title || original.sha256.slice(0, 12)}: ${original.query}, ${original.size}`);
  });
  for (const each of document.querySelectorAll("button.whole")) each.title = "Open the whole image";
  one("#close-whole").addEventListener("click", () => whole.close());
  whole.addEventListener("click", (event) => event.target === whole && whole.close());
  // The keys of the page decide on images behind the dialog.
  whole.addEventListener("keydown", (event) => event.stopPropagation());
}
