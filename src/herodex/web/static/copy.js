/** Copies text to the clipboard, also on pages loaded over plain HTTP. */

import { t } from "./strings.js";

const COPIED_MS = 1500;

/** Copy a text, and say on the pressed button for a moment whether that worked. */
export async function showCopied(button, text) {
  const copied = await copyText(text);
  const label = (button.dataset.label ??= button.textContent);
  button.textContent = t(copied ? "copy.done" : "copy.failed");
  setTimeout(() => (button.textContent = label), COPIED_MS);
}

/** @returns {Promise<boolean>} whether the text was copied */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

/** Copy through a selection, because browsers offer the clipboard API to secure pages only. */
function copySelected(text) {
  const focused = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return copied;
}
