/** Starts the page: asks what it is about, words it, and brings its parts to life. */

import { ask, describe } from "./api.js";
import { setUpNames } from "./names.js";
import { setUpQuote } from "./quote.js";
import { setUpRecognition } from "./recognise.js";
import { setUpViews } from "./views.js";

function word(about) {
  const words = {
    tagline: `${capitalised(about.thing)} images in, ${about.name} names out.`,
    question: `Which ${about.thing} is this?`,
    invitation: `New ${about.name} names`,
    limits: `JPEG, PNG or WebP, up to ${about.max_upload_mb} MB`,
    credits: about.quote_hosts.length ? `Quotes by way of ${about.quote_hosts.join(" and ")}.` : "",
  };
  for (const place of document.querySelectorAll("[data-about]")) {
    place.textContent = words[place.dataset.about];
  }
}

function capitalised(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

async function start() {
  let showNames = () => {};
  setUpViews((view) => {
    if (view === "names") showNames();
  });
  setUpQuote(document.querySelector("#quote"));
  try {
    const about = await ask("api/about");
    word(about);
    setUpRecognition(document.querySelector("#recognise"), about);
    showNames = setUpNames(document.querySelector("#names"), about);
    document.body.classList.remove("unworded");
  } catch (error) {
    const notice = document.querySelector("#notice");
    notice.textContent = describe(error).join(" ");
    notice.hidden = false;
  }
}

start();
