/** Heat map of the evidence for the class, drawn on a second image beside the first. */

import { displayName } from "./class_names.js";
import { t } from "./strings.js";

const MAX_SIDE = 640;
const MAX_ALPHA = 200;

/** @returns {{show: (heatMap: object | null | undefined) => void}} shows a heat map, or hides it */
export function setUpHeatMap(view) {
  const canvas = view.querySelector(".heat");
  const preview = view.querySelector(".preview");
  const button = view.querySelector(".heat-toggle");
  let current = null;

  function press(pressed) {
    button.setAttribute("aria-pressed", pressed);
    canvas.hidden = !pressed;
    view.querySelector(".drop").classList.toggle("beside", pressed);
    if (!pressed) return;
    canvas.style.backgroundImage = `url("${preview.src}")`;
    draw(canvas, preview, current);
  }

  button.addEventListener("click", () => press(canvas.hidden));

  function show(heatMap) {
    current = heatMap ?? null;
    button.hidden = !current;
    if (current) button.title = t("recognise.evidence", { class: displayName(current.label) });
    press(false);
  }

  return { show };
}

/** Draw the grid over the part of the image that it covers. */
function draw(canvas, preview, { grid, box }) {
  const scale = Math.min(1, MAX_SIDE / Math.max(preview.naturalWidth, preview.naturalHeight));
  // Same proportions as the image, so that the same style aligns both.
  canvas.width = Math.max(1, Math.round(preview.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(preview.naturalHeight * scale));
  const [left, top, right, bottom] = box;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(
    tinted(grid),
    left * canvas.width,
    top * canvas.height,
    (right - left) * canvas.width,
    (bottom - top) * canvas.height,
  );
}

function tinted(grid) {
  const small = document.createElement("canvas");
  small.width = grid[0].length;
  small.height = grid.length;
  const pixels = new ImageData(small.width, small.height);
  grid.flat().forEach((value, place) => {
    // From gold for weak evidence to red for strong evidence.
    pixels.data.set([255, 200 - 160 * value, 61 - 40 * value, MAX_ALPHA * value], 4 * place);
  });
  small.getContext("2d").putImageData(pixels, 0, 0);
  return small;
}
