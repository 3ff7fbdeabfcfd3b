/** Files, folders and ZIP archives that are chosen, dropped or pasted; anything else gets a message. */

import { ApiError, describe } from "./api.js";
import { currentView } from "./views.js";
import { readArchive } from "./zip.js";

/** Images taken at once. */
const MAX_IMAGES = 2_000;
/** Files looked at in folders. */
const MAX_FILES = 20_000;
const IMAGE = /\.(jpe?g|jfif|png|webp|gif|bmp|tiff?|heic|heif|avif)$/i;
const NAMES = { address: "A web address", text: "Text" };
const ADVICE = {
  address: "Save the image to your device first, then choose or drop the file.",
  text: "Choose, drop or paste an image file.",
};

/**
 * @param {Iterable<HTMLInputElement>} inputs fields that files are chosen in
 * @param {(images: {name: string, open: () => Promise<File>}[], note: string) => void} use called with at least
 *   one image, and with what was left out, or ""
 * @param {(message: string) => void} tell called with a message if there is no image, or it takes time to find them
 */
export function setUpIntake(inputs, use, tell) {
  for (const input of inputs) {
    input.addEventListener("change", () => {
      const files = [...input.files];
      // Emptied, so that choosing the same file again triggers a change.
      input.value = "";
      if (files.length) take({ files, folders: [] });
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

  async function take({ files, folders }, data, verb) {
    if (!files.length && !folders.length) {
      const kind = kindOfText(data);
      const problem = kind in NAMES ? `${NAMES[kind]} was ${verb}, not an image file.` : `No image was ${verb}.`;
      tell(`${problem} ${ADVICE[kind] ?? ADVICE.text}`);
      return;
    }
    // A single file is taken whatever its name is; the service tells what is wrong with it.
    if (files.length === 1 && !folders.length && !isArchive(files[0])) {
      use([opened(files[0])], "");
      return;
    }
    if (folders.length || files.some(isArchive)) tell("Looking for images…");
    try {
      const found = await gather(files, folders);
      const images = found.filter(isImage);
      if (images.length) use(images.slice(0, MAX_IMAGES), leftOut(images.length - MAX_IMAGES, found.length - images.length));
      else tell(`There is no image among ${counted(found.length, "file")}. ${ADVICE.text}`);
    } catch (error) {
      tell(describe(error).join(" "));
    }
  }
}

/** List dropped or pasted files and folders; this must not wait, because the browser takes the data back. */
function contents(data) {
  const files = [];
  const folders = [];
  for (const item of data.items) {
    if (item.kind !== "file") continue;
    const entry = item.webkitGetAsEntry();
    if (entry?.isDirectory) folders.push(entry);
    else files.push(item.getAsFile());
  }
  return { files: files.filter(Boolean), folders };
}

/** List all files, those in archives and folders too. */
async function gather(files, folders) {
  const found = [];
  const ordered = files.some(({ webkitRelativePath: path }) => path) ? files.toSorted(byPath) : files;
  for (const file of ordered) {
    if (isArchive(file)) found.push(...(await readArchive(file)).filter(isVisible));
    else found.push(opened(file));
  }
  for (const folder of folders) await walk(folder, found);
  return found.filter(isVisible);
}

const ORDER = new Intl.Collator(undefined, { numeric: true });

/** Browsers list folders in any order. */
function byPath(a, b) {
  return ORDER.compare(a.webkitRelativePath ?? a.name, b.webkitRelativePath ?? b.name);
}

async function walk(folder, found) {
  if (found.length > MAX_FILES) {
    throw new ApiError(`The folder has more than ${MAX_FILES.toLocaleString("en")} files.`, "Choose a folder in it.");
  }
  for (const entry of (await entriesOf(folder)).sort(byPath)) {
    if (entry.isDirectory) await walk(entry, found);
    else found.push({ name: entry.fullPath.slice(1), open: () => fileOf(entry) });
  }
}

async function fileOf(entry) {
  try {
    return await new Promise((resolve, reject) => entry.file(resolve, reject));
  } catch {
    throw new ApiError("The file cannot be read.", "Check that it still exists, then choose it again.");
  }
}

async function entriesOf(folder) {
  const reader = folder.createReader();
  const entries = [];
  // A reader returns some entries at a time.
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return entries;
    entries.push(...some);
  }
}

function opened(file) {
  return { name: file.webkitRelativePath || file.name, type: file.type, open: async () => file };
}

function isArchive({ name, type }) {
  return /\.zip$/i.test(name) || /^application\/(x-)?zip(-compressed)?$/.test(type);
}

function isImage({ name, type = "" }) {
  return type.startsWith("image/") || IMAGE.test(name);
}

/** Leave out files that systems hide, such as .DS_Store and __MACOSX. */
function isVisible({ name }) {
  return !name.split("/").some((part) => part.startsWith(".") || part === "__MACOSX");
}

function leftOut(images, others) {
  const notes = [];
  if (images > 0) notes.push(`Only the first ${MAX_IMAGES.toLocaleString("en")} images were taken, ${counted(images, "image")} left out.`);
  if (others > 0) notes.push(`${counted(others, "other file")} left out, because ${others === 1 ? "it is no image" : "they are no images"}.`);
  return notes.join(" ");
}

function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

function kindOfText(data) {
  if (data.types.includes("text/uri-list") || /^https?:\/\/\S+$/.test(data.getData("text/plain").trim())) {
    return "address";
  }
  return data.types.length ? "text" : "nothing";
}

function isTextField(target) {
  return target instanceof HTMLElement && target.matches("input[type=text], input[type=number], input[type=search], textarea");
}
