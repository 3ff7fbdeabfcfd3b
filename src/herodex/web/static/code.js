/** Code that asks the service for what the page shows, in three languages, and code that embeds the page. */

import { showCopied } from "./copy.js";
import { currentView } from "./views.js";

/** What the page shows: the name of the image, and the request for the names. */
const shown = { file: "image.jpg", names: { count: 6, temperature: 1 } };

let update = () => {};

/** @param {{file?: string, names?: object}} parts that the page shows now */
export function noteForCode(parts) {
  Object.assign(shown, parts);
  update();
}

/** @returns {() => void} shows the code for the view that is open */
export function setUpCode(drawer) {
  update = () => {
    if (!drawer.open) return;
    const texts = { ...(currentView() === "names" ? namesCode(shown.names) : classifyCode(shown.file)), html: frameCode() };
    for (const [language, text] of Object.entries(texts)) drawer.querySelector(`.${language} code`).textContent = text;
  };
  drawer.addEventListener("toggle", update);
  for (const button of drawer.querySelectorAll("button")) {
    button.addEventListener("click", () => showCopied(button, button.closest("section").querySelector("code").textContent));
  }
  return update;
}

function classifyCode(path) {
  const file = path.split("/").pop();
  const url = addressOf("classify");
  const quoted = file.replace(/["\\]/g, "\\$&");
  return {
    curl: `curl --fail-with-body -F ${shell(`image=@"${quoted}"`)} ${shell(url)}`,
    python: `import requests

with open(${literal(file)}, "rb") as image:
    answer = requests.post(${literal(url)}, files={"image": image}, timeout=60)
answer.raise_for_status()
print(answer.json())`,
    javascript: `import { openAsBlob } from "node:fs";

const form = new FormData();
form.append("image", await openAsBlob(${literal(file)}), "image");
const answer = await fetch(${literal(url)}, { method: "POST", body: form });
if (!answer.ok) throw new Error((await answer.json()).error);
console.log(await answer.json());`,
  };
}

function namesCode(request) {
  const url = addressOf("names");
  const fields = literal(request);
  return {
    curl: `curl --fail-with-body --json ${shell(fields)} ${shell(url)}`,
    python: `import requests

answer = requests.post(${literal(url)}, json=${fields}, timeout=60)
answer.raise_for_status()
for invented in answer.json()["names"]:
    print(invented["name"])`,
    javascript: `const answer = await fetch(${literal(url)}, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(${fields}),
});
if (!answer.ok) throw new Error((await answer.json()).error);
for (const { name } of (await answer.json()).names) console.log(name);`,
  };
}

function frameCode() {
  const address = new URL(`${currentView() === "names" ? "names" : ""}?embed`, document.baseURI);
  return `<iframe src="${address.href}" title="${document.title}" width="100%" height="720" allow="camera"></iframe>`;
}

function addressOf(endpoint) {
  return new URL(`api/${endpoint}`, document.baseURI).href;
}

/** JSON texts, numbers and objects of them are written alike in Python and JavaScript. */
function literal(value) {
  return JSON.stringify(value);
}

function shell(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
