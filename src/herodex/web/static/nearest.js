/** Most similar training images with their pages, authors and licences. */

import { displayName } from "./class_names.js";
import { element, percent } from "./dom.js";

/** @param {object[] | null | undefined} nearest from the response; the panel is hidden without any */
export function showNearest(view, nearest) {
  const panel = view.querySelector(".nearest");
  panel.querySelector(".neighbours").replaceChildren(...(nearest ?? []).map(neighbour));
  panel.hidden = !nearest?.length;
}

function neighbour({ label, similarity, page_url, title, author, license, license_url, source }) {
  const head = element("p", "likeness", element("strong", "", displayName(label)), ` ${percent(similarity)} similar`);
  const work = element("p", "work", link(page_url, title || "Untitled"));
  const credit = element("p", "credit", author ? `by ${author}` : "unknown author");
  if (source) credit.append(`, ${source}`);
  if (license) credit.append(", ", link(license_url, license));
  return element("li", "", head, work, credit);
}

/** A link to a web address; any other address becomes plain text. */
function link(address, text) {
  if (!/^https?:\/\//.test(address ?? "")) return element("span", "", text);
  const created = element("a", "", text);
  Object.assign(created, { href: address, rel: "noopener noreferrer", target: "_blank" });
  return created;
}
