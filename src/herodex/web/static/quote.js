/** Quotes. */

import { ask, describe } from "./api.js";
import { t } from "./strings.js";

const LONG = 120;

export function setUpQuote(section) {
  const text = section.querySelector("blockquote");
  const author = section.querySelector("figcaption");
  const source = section.querySelector(".source");
  const button = section.querySelector("button");
  let shown = "";

  async function next() {
    button.disabled = true;
    try {
      const quote = await ask(`api/quote?not=${encodeURIComponent(shown)}`);
      shown = quote.id;
      text.textContent = quote.text;
      text.classList.toggle("long", quote.text.length > LONG);
      author.textContent = quote.author;
      source.textContent = t(`quote.${quote.source}`);
      section.classList.remove("failed");
    } catch (error) {
      [text.textContent, author.textContent] = describe(error);
      source.textContent = "";
      section.classList.add("failed");
    }
    button.disabled = false;
  }

  button.addEventListener("click", next);
  next();
}
