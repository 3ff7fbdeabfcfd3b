/** The page's two views, each with an address of its own: links, deep links and the back button. */

const TITLES = { recognise: "Herodex", names: "Names · Herodex" };

/** @returns {"recognise" | "names"} the view that the address names */
export function currentView() {
  return location.pathname.endsWith("/names") ? "names" : "recognise";
}

/** Go to an address of this page, without loading it anew. */
export function visit(address) {
  history.pushState(null, "", address);
}

/**
 * Show the view of the address, now and whenever that changes.
 *
 * @param {(view: string) => void} shown called with each view that a link or the back button leads to
 */
export function setUpViews(shown) {
  show();
  for (const link of document.querySelectorAll("[data-view]")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      if (link.dataset.view === currentView()) return;
      visit(link.href);
      arrive();
    });
  }
  addEventListener("popstate", arrive);

  function arrive() {
    show();
    // Whoever listens to the page hears where it is now.
    document.querySelector(`#${currentView()} h1`).focus({ preventScroll: true });
    shown(currentView());
  }
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
