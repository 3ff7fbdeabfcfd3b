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

function neighbour({ label, similarity, page_url, title, author, license, license_url, source, thumbnail }) {
  const value = element("span", "similarity", t("nearest.similarity", { similarity: number(similarity, 2) }));
  const head = element("p", "likeness", element("strong", "", displayName(label)), " ", value);
  const work = element("p", "work", link(page_url, title || t("nearest.untitled")));
  const credit = element("p", "credit", author ? t("nearest.author", { author }) : t("nearest.no_author"));
  if (source) credit.append(`, ${source}`);
  if (license) credit.append(", ", link(license_url, license));
  const text = element("div", "", head, work, credit);
  return element("li", "", ...(thumbnail ? [imageAt(thumbnail)] : []), text);
}

function imageAt(address) {
  const image = document.createElement("img");
  // The text beside it says which image it is.
  Object.assign(image, { alt: "", width: 72, height: 72, src: address });
  image.onerror = () => image.remove();
  return image;
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
