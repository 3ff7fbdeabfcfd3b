/** The review page: one image at a time, one key per decision, saved immediately. */

const UNKNOWN = "unknown";
const ALL = "all";

const view = { query: 0, reason: ALL, place: 0, relabelling: false };
const history = [];
let board = { queries: [], labels: [], decisions: {}, orphaned: 0 };
let saving = Promise.resolve();
let pending = 0;

const one = (selector) => document.querySelector(selector);

/** Create an element with a class and children. */
function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

const words = (reason) => reason.replaceAll("_", " ");
const query = () => board.queries[view.query];
const images = () => query().images.filter((image) => view.reason === ALL || image.reason === view.reason);
const current = () => images()[view.place];
const decisionOn = (image) => board.decisions[image.sha256];
const isDecided = (image) => decisionOn(image) !== undefined;

function describe(decision) {
  if (!decision) return "";
  if (decision.decision === "drop") return "drop";
  return decision.class ? `is ${decision.class}` : "keep";
}

function showError(message) {
  const notice = one("#notice");
  notice.textContent = message;
  notice.hidden = !message;
}

async function ask(address, options) {
  const reply = await fetch(address, options);
  const answer = await reply.json();
  if (!reply.ok) throw new Error(answer.error);
  return answer;
}

/** Save a decision. Requests run one after another, so the last key pressed wins. */
function save(sha256, { decision, class: label }) {
  const body = JSON.stringify({ sha256, decision, class: label });
  pending += 1;
  saving = saving
    .then(() => ask("/decide", { method: "POST", headers: { "Content-Type": "application/json" }, body }))
    .then((answer) => {
      pending -= 1;
      // Until all requests are answered, the page is ahead of the file.
      if (!pending) board.decisions = answer.decisions;
      showError("");
    })
    .catch(async (error) => {
      pending -= 1;
      showError(`Not saved: ${error.message}. Check that make review is still running.`);
      await load().catch(() => undefined);
    })
    .then(draw);
  return saving;
}

function decide(decision, label = "") {
  const image = current();
  if (!image) return;
  const before = decisionOn(image) ?? { decision: "", class: "" };
  history.push({ sha256: image.sha256, before, view: { ...view } });
  const after = { decision, class: label };
  board.decisions = { ...board.decisions, [image.sha256]: after };
  view.relabelling = false;
  if (view.place < images().length - 1) view.place += 1;
  draw();
  save(image.sha256, after);
}

function undo() {
  const last = history.pop();
  if (!last) return;
  Object.assign(view, last.view, { relabelling: false });
  const decisions = { ...board.decisions };
  if (last.before.decision) decisions[last.sha256] = last.before;
  else delete decisions[last.sha256];
  board.decisions = decisions;
  draw();
  save(last.sha256, last.before);
}

function move(step) {
  const last = images().length - 1;
  view.place = Math.max(0, Math.min(last, view.place + step));
  view.relabelling = false;
  draw();
}

function open(index) {
  view.query = (index + board.queries.length) % board.queries.length;
  Object.assign(view, { reason: ALL, place: 0, relabelling: false });
  draw();
}

/** Go to the next undecided image, in this query or a later one. */
function skip() {
  const here = images().findIndex((image, place) => place > view.place && !isDecided(image));
  if (here >= 0) {
    view.place = here;
    draw();
    return;
  }
  for (let step = 1; step <= board.queries.length; step += 1) {
    const index = (view.query + step) % board.queries.length;
    const place = board.queries[index].images.findIndex((image) => !isDecided(image));
    if (place >= 0) {
      Object.assign(view, { query: index, reason: ALL, place, relabelling: false });
      draw();
      return;
    }
  }
}

function relabel() {
  view.relabelling = !view.relabelling && current() !== undefined;
  draw();
}

const KEYS = {
  k: () => decide("keep"),
  d: () => decide("drop"),
  r: relabel,
  u: undo,
  n: skip,
  Escape: () => {
    view.relabelling = false;
    draw();
  },
  ArrowLeft: () => move(-1),
  ArrowRight: () => move(1),
  ArrowUp: () => open(view.query - 1),
  ArrowDown: () => open(view.query + 1),
};

function drawQueries() {
  const items = board.queries.map((each, index) => {
    const decided = each.images.filter(isDecided).length;
    const item = element(
      "button",
      each.class ? "class" : "distractor",
      element("span", "name", each.name),
      element("span", "count", `${decided}/${each.images.length}`),
    );
    item.type = "button";
    if (index === view.query) item.setAttribute("aria-current", "true");
    item.addEventListener("click", () => open(index));
    return item;
  });
  one("#queries").replaceChildren(...items);
}

function drawFilters() {
  const counts = new Map([[ALL, query().images.length]]);
  for (const { reason } of query().images) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const items = [...counts].map(([reason, count]) => {
    const item = element("button", "", `${words(reason)} `, element("span", "count", String(count)));
    item.type = "button";
    item.setAttribute("aria-pressed", String(reason === view.reason));
    item.addEventListener("click", () => {
      Object.assign(view, { reason, place: 0, relabelling: false });
      draw();
    });
    return item;
  });
  one("#filters").replaceChildren(...items);
}

function fact(name, ...value) {
  return value.some(Boolean) ? [element("dt", "", name), element("dd", "", ...value)] : [];
}

function drawStage() {
  const image = current();
  one("#stage").hidden = !image;
  one("#nothing").hidden = query().images.length > 0;
  if (!image) return;
  const decision = decisionOn(image);
  const shown = one("#image");
  shown.src = `/image/${image.sha256}`;
  shown.alt = `${image.query}: ${words(image.reason)}`;
  one("#image-caption").textContent = `${view.place + 1} of ${images().length} · ${image.size}`;
  one("#original-figure").hidden = !image.duplicate_of;
  if (image.duplicate_of) one("#original").src = `/image/${image.duplicate_of}`;
  one("#verdict").replaceChildren(
    element("span", `reason ${image.reason}`, words(image.reason)),
    element("span", "meaning", image.meaning),
    element("span", decision ? `decision ${decision.decision}` : "decision", describe(decision) || "undecided"),
  );
  let source = image.source || "";
  if (image.page_url) {
    source = element("a", "", image.title || image.page_url);
    Object.assign(source, { href: image.page_url, target: "_blank", rel: "noopener noreferrer" });
  }
  one("#details").replaceChildren(
    ...fact("score", image.score.toFixed(3)),
    ...fact("query", image.query),
    ...fact("label", image.label),
    ...fact("looks like", image.looks_like),
    ...fact("source", source, image.page_url && image.source ? ` · ${image.source}` : ""),
    ...fact("author", image.author),
    ...fact("licence", image.license || "not stated"),
    ...fact("sha256", element("code", "", image.sha256.slice(0, 12))),
  );
  const labels = board.labels.map((label, index) => {
    const item = element("button", "", element("kbd", "", String(index + 1)), ` ${label}`);
    item.type = "button";
    item.title = label === UNKNOWN ? "none of the classes" : "";
    item.addEventListener("click", () => decide("keep", label));
    return item;
  });
  one("#labels").replaceChildren(...labels);
  one("#labels").hidden = !view.relabelling;
}

function drawStrip() {
  const items = images().map((image, place) => {
    const decision = decisionOn(image);
    const thumbnail = element("img", "");
    Object.assign(thumbnail, { src: `/image/${image.sha256}`, loading: "lazy", alt: "" });
    const button = element(
      "button",
      decision ? decision.decision : "",
      thumbnail,
      element("span", `reason ${image.reason}`, words(image.reason)),
      element("span", "mark", describe(decision)),
    );
    button.type = "button";
    button.setAttribute("aria-label", `${words(image.reason)}, ${describe(decision) || "undecided"}`);
    if (place === view.place) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => {
      Object.assign(view, { place, relabelling: false });
      draw();
    });
    return element("li", "", button);
  });
  const strip = one("#strip");
  strip.replaceChildren(...items);
  // Scroll the strip, not the page, so that the large image stays in place.
  const item = items[view.place];
  if (item) strip.scrollTop = item.offsetTop - (strip.clientHeight - item.offsetHeight) / 2;
}

function drawSummary() {
  const all = [...new Set(board.queries.flatMap((each) => each.images.map((image) => image.sha256)))];
  const decided = all.filter((sha256) => board.decisions[sha256]).length;
  const orphaned = board.orphaned ? ` · ${board.orphaned} orphaned` : "";
  one("#summary").textContent = `${decided} of ${all.length} decided${orphaned}`;
  const progress = one("#progress");
  progress.setAttribute("aria-valuemax", String(all.length));
  progress.setAttribute("aria-valuenow", String(decided));
  progress.firstElementChild.style.width = `${all.length ? (100 * decided) / all.length : 0}%`;
}

function draw() {
  drawSummary();
  drawQueries();
  drawFilters();
  drawStage();
  drawStrip();
}

async function load() {
  board = await ask("/state");
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !board.queries.length) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const label = board.labels[Number(key) - 1];
  if (view.relabelling && label) decide("keep", label);
  else if (KEYS[key]) KEYS[key]();
  else return;
  event.preventDefault();
});

for (const button of document.querySelectorAll("#actions button")) {
  button.addEventListener("click", () => KEYS[button.dataset.key]());
}

load()
  .then(draw)
  .catch((error) => showError(`The images could not be loaded: ${error.message}.`));
