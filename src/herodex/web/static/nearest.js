/** Most similar training images with their pages, authors and licences. */

import { displayName } from "./class_names.js";
import { element } from "./dom.js";
import { number, t } from "./strings.js";

/** Hosts under these names exist nowhere (RFC 2606), such as those of the demo web. */
const NOWHERE = /\.(test|invalid|localhost)$/;

/** @param {object[] | null | undefined} nearest from the response; the panel is hidden without any */
export function showNearest(view, nearest) {
  const panel = view.querySelector(".nearest");
  panel.querySelector(".neighbours").replaceChildren(...(nearest ?? []).map(neighbour));
  panel.hidden = !nearest?.length;
}

function neighbour({ label, similarity, page_url, title, author, license, license_url, source }) {
  const likeness = ` ${t("nearest.similarity", { similarity: number(similarity, 2) })}`;
  const head = element("p", "likeness", element("strong", "", displayName(label)), likeness);
  const work = element("p", "work", link(page_url, title || t("nearest.untitled")));
  const credit = element("p", "credit", author ? t("nearest.author", { author }) : t("nearest.no_author"));
  if (source) credit.append(`, ${source}`);
  if (license) credit.append(", ", link(license_url, license));
  return element("li", "", head, work, credit);
}

/** A link to a web address that can exist; any other address becomes plain text. */
function link(address, text) {
  if (!leadsSomewhere(address)) return element("span", "", text);
  const created = element("a", "", text);
  Object.assign(created, { href: address, rel: "noopener noreferrer", target: "_blank" });
  return created;
}

function leadsSomewhere(address) {
  if (!/^https?:\/\//.test(address ?? "") || !URL.canParse(address)) return false;
  return !NOWHERE.test(new URL(address).hostname);
}
