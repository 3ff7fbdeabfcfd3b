/** Starts the page: loads its settings, fills in its words and sets up its parts. */

import { ask, describe } from "./api.js";
import { setDisplayNames } from "./class_names.js";
import { setUpCode } from "./code.js";
import { setUpIntake } from "./intake.js";
import { setUpNames } from "./names.js";
import { setUpQuote } from "./quote.js";
import { setUpRecognition } from "./recognise.js";
import { setUpShortcuts } from "./shortcuts.js";
import { setUpViews, showOnly } from "./views.js";

/** @returns {boolean} whether the service has a model; it may have only one of both */
function has(about, model) {
  return about.models.includes(model);
}

function fillIn(about) {
  const tasks = [];
  if (has(about, "classifier")) tasks.push(`classifies ${about.thing} images`);
  if (has(about, "generator")) tasks.push(`invents ${about.name} names`);
  const tagline = `${tasks.join(" and ")}.`;
  const texts = {
    tagline: tagline[0].toUpperCase() + tagline.slice(1),
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
  const showCode = setUpCode(document.querySelector(".code"));
  setUpViews((view) => {
    if (view === "names") showNames();
    showCode();
  });
  setUpQuote(document.querySelector("#quote"));
  setUpShortcuts(document.querySelector(".shortcuts"));
  try {
    const about = await ask("api/about");
    fillIn(about);
    setDisplayNames(about.display_names);
    if (has(about, "classifier")) setUpRecognition(document.querySelector("#recognise"), about);
    else hideRecognition();
    if (has(about, "generator")) showNames = setUpNames(document.querySelector("#names"), about);
    else showOnly("recognise");
    document.body.classList.remove("loading");
  } catch (error) {
    notify(describe(error).join(" "));
  }
}

function hideRecognition() {
  showOnly("names");
  const refuse = () => notify("This service cannot classify images; it only invents names.");
  setUpIntake([], refuse, refuse);
}

function notify(text) {
  const notice = document.querySelector("#notice");
  notice.textContent = text;
  notice.hidden = false;
}

start();
