/** The images of the training set that are most like the one shown: who made them, and where they are. */

import { element, percent } from "./dom.js";

/** @param {object[] | null | undefined} nearest from the answer; none hides the panel */
export function showNearest(view, nearest) {
  const panel = view.querySelector(".nearest");
  panel.querySelector(".neighbours").replaceChildren(...(nearest ?? []).map(neighbour));
  panel.hidden = !nearest?.length;
}

function neighbour({ label, similarity, page_url, title, author, license, license_url, source }) {
  const head = element("p", "likeness", element("strong", "", label), ` ${percent(similarity)} alike`);
  const work = element("p", "work", link(page_url, title || "Untitled"));
  const credit = element("p", "credit", author ? `by ${author}` : "author unknown");
  if (source) credit.append(`, ${source}`);
  if (license) credit.append(", ", link(license_url, license));
  return element("li", "", head, work, credit);
}

/** A link where the address is one of the web's, and the mere text where not. */
function link(address, text) {
  if (!/^https?:\/\//.test(address ?? "")) return element("span", "", text);
  const made = element("a", "", text);
  Object.assign(made, { href: address, rel: "noopener noreferrer", target: "_blank" });
  return made;
}
