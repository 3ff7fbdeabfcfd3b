/** Words the service's answer to an image: heading, bars, history and table say the same. */

import { displayName } from "./class_names.js";
import { percent } from "./dom.js";

const NUMBERS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
/** Other answers of the confidence set that are named; a set may have hundreds. */
const NAMED = 3;

/** @returns {string} the answer that an image shows no class, such as "None of the four" */
export function noneOf(classes) {
  if (classes.length === 1) return `Not ${displayName(classes[0])}`;
  return `None of the ${NUMBERS[classes.length - 2] ?? classes.length.toLocaleString("en")}`;
}

/**
 * @param {object} answer of the service
 * @returns {{state: string, answer: string, heading: string, aside: string, share: number, detail: string,
 *   shares: {label: string, share: number, none?: boolean}[]}} the answer (a name in the API) in words with its
 *   probability, and the probabilities of all answers, the greatest first; the heading ends with the aside
 */
export function wordAnswer({ label, known, probabilities, unknown, set = [], looks_like: lookalike = "" }) {
  if (!(probabilities[label] >= 0 && unknown >= 0)) throw new TypeError("no probabilities");
  const shares = Object.entries(probabilities).map(([label, share]) => ({ label, share }));
  const none = noneOf(Object.keys(probabilities));
  // At the end, because a class wins over an equal probability.
  shares.push({ label: none, share: unknown, none: true });
  shares.sort((a, b) => b.share - a.share);
  const answer = known ? label : "unknown";
  const share = known ? probabilities[label] : unknown;
  const others = set.filter((other) => other !== answer);
  const likely = others.map((other) => (other === "unknown" ? none[0].toLowerCase() + none.slice(1) : displayName(other)));
  const rest = likely.length ? ` ${couldBe(likely)}` : "";
  if (known) {
    const detail = `Probability: ${percent(share)}${rest && `.${rest}`}`;
    return { state: "known", answer, heading: displayName(label), aside: "", share, detail, shares };
  }
  const aside = lookalike ? `: looks like ${displayName(lookalike)}` : "";
  const detail = `Probability: ${percent(share)}. Closest class: ${displayName(label)} (${percent(probabilities[label])}).${rest}`;
  return { state: "unknown", answer, heading: none + aside, aside, share, detail, shares };
}

/** Word the other answers of the confidence set. */
function couldBe(answers) {
  const left = answers.length - NAMED;
  const named = left > 1 ? [...answers.slice(0, NAMED), `${left} others`] : answers;
  return `Could also be ${named.join(" or ")}.`;
}
