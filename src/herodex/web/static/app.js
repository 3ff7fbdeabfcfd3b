/** Starts the page: loads its settings, fills in its words and sets up its parts. */

import { ask, describe } from "./api.js";
import { setDisplayNames } from "./class_names.js";
import { setUpCode } from "./code.js";
import { element } from "./dom.js";
import { isEmbedded, setUpEmbedding } from "./embed.js";
import { setUpIntake } from "./intake.js";
import { setUpNames } from "./names.js";
import { setUpQuote } from "./quote.js";
import { setUpRecognition } from "./recognise.js";
import { setUpShortcuts } from "./shortcuts.js";
import { list, t } from "./strings.js";
import { setUpViews, showOnly } from "./views.js";

/** @returns {boolean} whether the service has a model; it may have only one of both */
function has(about, model) {
  return about.models.includes(model);
}

function fillIn(about) {
  const texts = {
    tagline: t(`tagline.${about.models.length > 1 ? "both" : about.models[0]}`),
    limits: t("recognise.limits", { size: about.max_upload_mb }),
    credits: about.quote_hosts.length ? t("quote.credits", { hosts: list(about.quote_hosts) }) : "",
  };
  for (const place of document.querySelectorAll("[data-about]")) {
    place.textContent = texts[place.dataset.about];
  }
}

async function start() {
  let showNames = () => {};
  const code = document.querySelector(".code");
  const showCode = setUpCode(code);
  setUpViews((view) => {
    if (view === "names") showNames();
    showCode();
  });
  if (isEmbedded()) {
    setUpEmbedding();
  } else {
    setUpQuote(document.querySelector("#quote"));
    setUpShortcuts(document.querySelector(".shortcuts"));
  }
  try {
    const about = await ask("api/about");
    fillIn(about);
    code.querySelector(".html").hidden = !about.embeddable;
    setDisplayNames(about.display_names);
    if (has(about, "classifier")) setUpRecognition(document.querySelector("#recognise"), about);
    else hideRecognition();
    if (has(about, "generator")) showNames = setUpNames(document.querySelector("#names"), about);
    else showOnly("recognise");
    document.body.classList.remove("loading");
  } catch (error) {
    document.body.classList.replace("loading", "failed");
    const [problem, hint] = describe(error);
    notify(element("h1", "", problem), element("p", "", hint));
  }
}

function hideRecognition() {
  showOnly("names");
  const refuse = () => notify(element("p", "", t("no_classifier")));
  setUpIntake([], refuse, refuse);
}

function notify(...parts) {
  const notice = document.querySelector("#notice");
  notice.replaceChildren(...parts);
  notice.hidden = false;
}

start();
