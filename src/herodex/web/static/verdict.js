/** Words the service's answer to an image: heading, bars, history and table say the same. */

import { displayName } from "./class_names.js";
import { percent } from "./dom.js";
import { number, t } from "./strings.js";

/** Other answers of the confidence set that are named; a set may have hundreds. */
const NAMED = 3;

/** @returns {string} the answer that an image shows no class, such as "None of the four" */
export function noneOf(classes) {
  return wordNone(classes, "");
}

/** Word that an image shows no class; `place` is "_inside" in the middle of a sentence. */
function wordNone(classes, place) {
  if (classes.length === 1) return t(`answer.not${place}`, { class: displayName(classes[0]) });
  const numbers = t("answer.numbers").split(" ");
  return t(`answer.none${place}`, { number: numbers[classes.length - 2] ?? number(classes.length) });
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
  const inside = wordNone(Object.keys(probabilities), "_inside");
  const likely = others.map((other) => (other === "unknown" ? inside : displayName(other)));
  const rest = likely.length ? ` ${couldBe(likely)}` : "";
  if (known) {
    const detail = `${t("answer.probability", { share: percent(share) })}${rest && `.${rest}`}`;
    return { state: "known", answer, heading: displayName(label), aside: "", share, detail, shares };
  }
  const aside = lookalike ? t("answer.looks_like", { class: displayName(lookalike) }) : "";
  const closest = { share: percent(share), class: displayName(label), class_share: percent(probabilities[label]) };
  const detail = t("answer.closest", closest) + rest;
  return { state: "unknown", answer, heading: none + aside, aside, share, detail, shares };
}

/** Word the other answers of the confidence set. */
function couldBe(answers) {
  const left = answers.length - NAMED;
  const named = left > 1 ? [...answers.slice(0, NAMED), t("answer.others", { count: left })] : answers;
  return t("answer.could_be", { answers: named.join(` ${t("or")} `) });
}
