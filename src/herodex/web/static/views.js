/** The two views of the page, each with its own address, so that links and the back button work. */

import { language, t } from "./strings.js";

const TITLES = { recognise: "Herodex", names: `${t("views.names")} · Herodex` };

/** What addresses keep: the language if the visitor chose it, and that the page is in a frame. */
const kept = keptOf(new URLSearchParams(location.search));

/** The last address of each view, so that a link to it shows what was shown. */
const addresses = { recognise: `./${searchOf({})}`, names: `names${searchOf({})}` };

let announce = () => {};

/** @returns {"recognise" | "names"} the view that the address names */
export function currentView() {
  return location.pathname.endsWith("/names") ? "names" : "recognise";
}

/** @returns {string} the part of an address from its question mark, with what addresses keep */
export function searchOf(values) {
  const query = new URLSearchParams({ ...values, ...kept }).toString();
  return query && `?${query}`;
}

function keptOf(query) {
  return { ...(query.get("lang")?.toLowerCase() === language && { lang: language }), ...(query.has("embed") && { embed: "" }) };
}

/** Give a view another address without reloading the page, now or when it is opened again. */
export function visit(view, address) {
  if (currentView() === view) history.pushState(null, "", address);
  remember(view, address);
}

function remember(view, address) {
  addresses[view] = address;
  document.querySelector(`[data-view=${view}]`).href = address;
}

/**
 * Show the view of the address, now and after each change.
 *
 * @param {(view: string) => void} shown called with each view opened later
 */
export function setUpViews(shown) {
  announce = shown;
  for (const view of Object.keys(addresses)) remember(view, addresses[view]);
  if (currentView() === "names") remember("names", `names${location.search}`);
  show();
  for (const link of document.querySelectorAll(".page-languages a")) {
    // The address changes while the page is open.
    link.addEventListener("click", () => {
      const query = new URLSearchParams(location.search);
      query.set("lang", link.hreflang);
      link.href = `?${query}`;
    });
  }
  for (const link of document.querySelectorAll("[data-view]")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      openView(link.dataset.view);
    });
  }
  addEventListener("popstate", arrive);
}

/** Open a view unless it is open. */
export function openView(view) {
  if (view === currentView()) return;
  history.pushState(null, "", addresses[view]);
  arrive();
}

function arrive() {
  if (currentView() === "names") remember("names", `names${location.search}`);
  show();
  // Screen readers announce the heading of the new view.
  document.querySelector(`#${currentView()} h1`).focus({ preventScroll: true });
  announce(currentView());
}

/** Hide the navigation and always show one view, because the service has no model for the other. */
export function showOnly(view) {
  document.querySelector(".views").hidden = true;
  if (currentView() !== view) history.replaceState(null, "", addresses[view]);
  show();
}

function show() {
  const current = currentView();
  document.title = TITLES[current];
  for (const view of document.querySelectorAll(".view")) view.hidden = view.id !== current;
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.dataset.view === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}
