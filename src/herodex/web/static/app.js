/** Starts the page: loads its settings, fills in its words and sets up its parts. */

import { ask, describe } from "./api.js";
import { setUpNames } from "./names.js";
import { setUpQuote } from "./quote.js";
import { setUpRecognition } from "./recognise.js";
import { setUpViews } from "./views.js";

function fillIn(about) {
  const texts = {
    tagline: `Classifies ${about.thing} images and invents ${about.name} names.`,
    question: `Which ${about.thing} is this?`,
    invitation: `New ${about.name} names`,
    limits: `JPEG, PNG or WebP, up to ${about.max_upload_mb} MB`,
    credits: about.quote_hosts.length ? `Quotes from ${about.quote_hosts.join(" and ")}.` : "",
  };
  for (const place of document.querySelectorAll("[data-about]")) {
    place.textContent = texts[place.dataset.about];
  }
}

async function start() {
  let showNames = () => {};
  setUpViews((view) => {
    if (view === "names") showNames();
  });
  setUpQuote(document.querySelector("#quote"));
  try {
    const about = await ask("api/about");
    fillIn(about);
    setUpRecognition(document.querySelector("#recognise"), about);
    showNames = setUpNames(document.querySelector("#names"), about);
    document.body.classList.remove("loading");
  } catch (error) {
    const notice = document.querySelector("#notice");
    notice.textContent = describe(error).join(" ");
    notice.hidden = false;
  }
}

start();
