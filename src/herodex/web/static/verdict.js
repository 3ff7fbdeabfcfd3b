/** Words the service's answer to an image: heading, bars and history say the same. */

import { displayName } from "./class_names.js";
import { percent } from "./dom.js";

export const NONE = "None of these";

/**
 * @param {object} answer of the service
 * @returns {{state: string, heading: string, share: number, detail: string, shares: {label: string, share: number}[]}}
 *   the answer in words with its probability, and the probabilities of all answers, the greatest first
 */
export function wordAnswer({ label, known, probabilities, unknown, set = [], looks_like: lookalike = "" }) {
  if (!(probabilities[label] >= 0 && unknown >= 0)) throw new TypeError("no probabilities");
  const shares = Object.entries(probabilities).map(([label, share]) => ({ label, share }));
  // At the end, because a class wins over an equal probability.
  shares.push({ label: NONE, share: unknown });
  shares.sort((a, b) => b.share - a.share);
  const closest = `${displayName(label)} (${percent(probabilities[label])})`;
  const others = set.filter((other) => other !== (known ? label : "unknown"));
  if (known) {
    const rest = others.length ? `. ${couldBe(others)}` : "";
    const detail = `Probability: ${percent(probabilities[label])}${rest}`;
    return { state: "known", heading: displayName(label), share: probabilities[label], detail, shares };
  }
  const resembles = lookalike ? `Looks like ${displayName(lookalike)}. ` : "";
  const detail = `${resembles}Closest class: ${closest}.${others.length ? ` ${couldBe(others)}` : ""}`;
  return { state: "unknown", heading: NONE, share: unknown, detail, shares };
}

/** Word the other answers of the confidence set. */
function couldBe(others) {
  const words = others.map((other) => (other === "unknown" ? "none of these" : displayName(other)));
  return `Could also be ${words.join(" or ")}.`;
}
