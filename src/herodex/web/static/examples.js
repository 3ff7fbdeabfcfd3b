/** Example images of the project. */

import { displayName } from "./class_names.js";
import { t } from "./strings.js";

/**
 * @param {HTMLElement} view
 * @param {{address: string, subject: string}[]} examples
 * @param {(file: File) => void} use
 */
export function setUpExamples(view, examples, use) {
  const group = view.querySelector(".examples");
  group.append(...examples.map((example) => button(example, use)));
  group.hidden = examples.length === 0;
}

function button({ address, subject }, use) {
  const created = document.createElement("button");
  created.type = "button";
  const title = t("recognise.example", { class: displayName(subject) });
  const image = document.createElement("img");
  // Lazy, so that the names page does not load them; this has to be set before the address.
  Object.assign(image, { loading: "lazy", alt: title, width: 48, height: 48 });
  image.src = thumbnailOf(address);
  created.append(image);
  created.addEventListener("click", async () => {
    created.disabled = true;
    try {
      const response = await fetch(address);
      const blob = await response.blob();
      use(new File([blob], title, { type: blob.type }));
    } catch {
      // The service reports an empty file like any other unreadable one.
      use(new File([], title));
    }
    created.disabled = false;
  });
  return created;
}

/** @returns {string} the address of a small version, which the service keeps beside this module */
function thumbnailOf(address) {
  return new URL(`./${address.split("/").pop()}.webp`, import.meta.url).href;
}
