/** Drawings to try, for those who have no image at hand. */

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
  const made = document.createElement("button");
  made.type = "button";
  const image = document.createElement("img");
  Object.assign(image, { src: address, alt: `A drawing of ${subject}`, width: 48, height: 48 });
  made.append(image);
  made.addEventListener("click", async () => {
    made.disabled = true;
    try {
      const response = await fetch(address);
      const blob = await response.blob();
      use(new File([blob], `A drawing of ${subject}`, { type: blob.type }));
    } catch {
      // As with any file that cannot be read, the service says what is wrong.
      use(new File([], subject));
    }
    made.disabled = false;
  });
  return made;
}
