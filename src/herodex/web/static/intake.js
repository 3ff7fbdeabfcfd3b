/** Files that are chosen, dropped or pasted; anything else gets a message. */

import { currentView } from "./views.js";

const NAMES = { address: "A web address", text: "Text", folder: "A folder" };
const ADVICE = {
  address: "Save the image to your device first, then choose or drop the file.",
  text: "Choose, drop or paste an image file.",
  folder: "Choose or drop one image from it.",
};

/**
 * @param {Iterable<HTMLInputElement>} inputs fields that files are chosen in
 * @param {(file: File, note: string) => void} use called with one file, and what was left out, or ""
 * @param {(message: string) => void} refuse called if something without a file is dropped or pasted
 */
export function setUpIntake(inputs, use, refuse) {
  for (const input of inputs) {
    input.addEventListener("change", () => {
      take({ files: [...input.files], folders: 0 });
      // Emptied, so that choosing the same file again triggers a change.
      input.value = "";
    });
  }

  document.addEventListener("paste", (event) => {
    const { clipboardData: data, target } = event;
    const received = contents(data);
    // A text field takes texts itself, and on the names page nothing asks for an image.
    if (isTextField(target) && (data.types.includes("text/plain") || !received.files.length)) return;
    if (currentView() !== "recognise" && !received.files.length) return;
    event.preventDefault();
    take(received, data, "pasted");
  });

  // An image dropped outside the panel must not replace the page.
  for (const type of ["dragover", "drop"]) {
    document.addEventListener(type, (event) => {
      if (isTextField(event.target) && !event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      if (type === "drop") take(contents(event.dataTransfer), event.dataTransfer, "dropped");
    });
  }

  function take({ files, folders }, data, verb) {
    if (files.length) {
      const file = files.find(({ type }) => type.startsWith("image/")) ?? files[0];
      use(file, leftOut(file, files.length - 1, folders));
    } else if (data) {
      const kind = folders ? "folder" : kindOfText(data);
      const problem = kind in NAMES ? `${NAMES[kind]} was ${verb}, not an image file.` : `No image was ${verb}.`;
      refuse(`${problem} ${ADVICE[kind] ?? ADVICE.text}`);
    }
  }
}

/** Separate files from folders, which browsers list among the files. */
function contents(data) {
  const files = [];
  let folders = 0;
  for (const item of data.items) {
    if (item.kind !== "file") continue;
    if (item.webkitGetAsEntry()?.isDirectory) folders += 1;
    else files.push(item.getAsFile());
  }
  return { files: files.filter(Boolean), folders };
}

function leftOut({ name }, files, folders) {
  const count = files + folders;
  if (!count) return "";
  const thing = folders ? "item" : "file";
  const others = count === 1 ? `1 other ${thing} was` : `${count} other ${thing}s were`;
  return `Only ${name} was taken. ${others} left out: one image at a time.`;
}

function kindOfText(data) {
  if (data.types.includes("text/uri-list") || /^https?:\/\/\S+$/.test(data.getData("text/plain").trim())) {
    return "address";
  }
  return data.types.length ? "text" : "nothing";
}

function isTextField(target) {
  return target instanceof HTMLElement && target.matches("input[type=text], input[type=number], textarea");
}
