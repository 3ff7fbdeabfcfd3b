/** The two views of the page, each with its own address, so that links and the back button work. */

const TITLES = { recognise: "Herodex", names: "Names · Herodex" };

let announce = () => {};

/** @returns {"recognise" | "names"} the view that the address names */
export function currentView() {
  return location.pathname.endsWith("/names") ? "names" : "recognise";
}

/** Change the address without reloading the page. */
export function visit(address) {
  history.pushState(null, "", address);
}

/**
 * Show the view of the address, now and after each change.
 *
 * @param {(view: string) => void} shown called with each view opened later
 */
export function setUpViews(shown) {
  announce = shown;
  show();
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
  visit(addressOf(view));
  arrive();
}

function arrive() {
  show();
  // Screen readers announce the heading of the new view.
  document.querySelector(`#${currentView()} h1`).focus({ preventScroll: true });
  announce(currentView());
}

function addressOf(view) {
  return view === "names" ? "names" : "./";
}

/** Hide the navigation and always show one view, because the service has no model for the other. */
export function showOnly(view) {
  document.querySelector(".views").hidden = true;
  if (currentView() !== view) history.replaceState(null, "", addressOf(view));
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
