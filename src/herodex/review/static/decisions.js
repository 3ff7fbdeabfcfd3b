/** Make, save and undo decisions: those made together are saved together. */

import { board, changed, decisionOn, describe, images, load, show, view } from "./board.js";
import { one } from "./elements.js";
import { post } from "./requests.js";
import { selection, selectOnly, setAnchor, targets } from "./selection.js";
import { forget, record, takeLast } from "./undo.js";

const NONE = { decision: "", class: "" };
let saving = Promise.resolve();
let pending = 0;

export function say(text) {
  one("#said").textContent = text;
}

export function showError(message) {
  const notice = one("#notice");
  notice.textContent = message;
  notice.hidden = !message;
}

/** Save one side of changes. Requests run one after another, so the last key pressed wins. */
function save(changes, side, ifFailed) {
  const decisions = changes.map((change) => ({ sha256: change.sha256, ...change[side] }));
  pending += 1;
  saving = saving
    .then(() => post("/decide", { decisions }))
    .then((answer) => {
      pending -= 1;
      // Until all requests are answered, the page is ahead of the file.
      if (!pending) board.decisions = answer.decisions;
      showError("");
    })
    .catch(async (error) => {
      pending -= 1;
      ifFailed();
      apply(changes, side === "after" ? "before" : "after");
      showError(`Not saved: ${error.message}.`);
      await load().catch(() => undefined);
    })
    .then(changed);
}

function apply(changes, side) {
  const decisions = { ...board.decisions };
  for (const change of changes) {
    if (change[side].decision) decisions[change.sha256] = change[side];
    else delete decisions[change.sha256];
  }
  board.decisions = decisions;
}

/** Decide on the selected images, or on the current one and go to the next. */
export function decide(decision, label = "") {
  const decided = targets();
  if (!decided.length) return;
  if (decided.length > board.most_decisions) {
    showError(`${decided.length} images are selected; select at most ${board.most_decisions} for one decision.`);
    return;
  }
  const after = { decision, class: label };
  const changes = decided.map((image) => ({ sha256: image.sha256, before: decisionOn(image) ?? NONE, after }));
  const several = selection().length > 0;
  const entry = { changes, view: { ...view }, selected: several ? changes.map(({ sha256 }) => sha256) : [] };
  record(entry);
  apply(changes, "after");
  selectOnly([]);
  if (!several && view.place < images().length - 1) view.place += 1;
  setAnchor();
  say(`Last decision: ${describe(after)}${several ? `, ${changes.length} images` : ""}.`);
  save(changes, "after", () => forget(entry));
  changed();
}

/** Take back the latest decision, with all that were made together with it. */
export function undo() {
  const entry = takeLast();
  if (!entry) {
    say("There is nothing to undo.");
    return;
  }
  show(entry.view);
  selectOnly(entry.selected);
  apply(entry.changes, "before");
  const { length } = entry.changes;
  say(length > 1 ? `Undone: the decisions on ${length} images.` : "Undone: the last decision.");
  save(entry.changes, "before", () => record(entry));
  changed();
}
