/** Files, folders and ZIP archives that are chosen, dropped or pasted; anything else gets a message. */

import { ApiError, describe } from "./api.js";
import { language, t, withHint } from "./strings.js";
import { currentView } from "./views.js";
import { readArchive } from "./zip.js";

/** Images taken at once. */
const MAX_IMAGES = 2_000;
/** Files looked at in folders. */
const MAX_FILES = 20_000;
const IMAGE = /\.(jpe?g|jfif|png|webp|gif|bmp|tiff?|heic|heif|avif)$/i;

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
      const advice = t(kind === "address" ? "intake.save_first" : "intake.choose_file");
      const problem = t(`intake.${verb}_${kind}`);
      tell(`${problem} ${advice}`);
      return;
    }
    // A single file is taken whatever its name is; the service tells what is wrong with it.
    if (files.length === 1 && !folders.length && !isArchive(files[0])) {
      use([opened(files[0])], "");
      return;
    }
    if (folders.length || files.some(isArchive)) tell(t("intake.looking"));
    try {
      const found = await gather(files, folders);
      const images = found.filter(isImage);
      if (images.length) use(images.slice(0, MAX_IMAGES), leftOut(images.length - MAX_IMAGES, found.length - images.length));
      else tell(`${t("intake.no_image", { count: found.length })} ${t("intake.choose_file")}`);
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

const ORDER = new Intl.Collator(language, { numeric: true });

/** Browsers list folders in any order. */
function byPath(a, b) {
  return ORDER.compare(a.webkitRelativePath ?? a.name, b.webkitRelativePath ?? b.name);
}

async function walk(folder, found) {
  if (found.length > MAX_FILES) {
    throw new ApiError(...withHint("intake.many_files", { count: MAX_FILES }));
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
    throw new ApiError(...withHint("error.unreadable_file"));
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
  if (images > 0) notes.push(t("intake.first", { taken: MAX_IMAGES, count: images }));
  if (others > 0) notes.push(t("intake.no_images", { count: others }));
  return notes.join(" ");
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
