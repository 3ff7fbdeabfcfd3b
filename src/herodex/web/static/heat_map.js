/** Where the classifier looked, drawn over the image. */

const MOST_SIDE = 640;
const STRONGEST = 200;

/** @returns {{show: (heatMap: object | null | undefined) => void}} shows one, or none */
export function setUpHeatMap(view) {
  const canvas = view.querySelector(".heat");
  const preview = view.querySelector(".preview");
  const button = view.querySelector(".look");
  let current = null;

  function press(pressed) {
    button.setAttribute("aria-pressed", pressed);
    canvas.hidden = !pressed;
    if (pressed) draw(canvas, preview, current);
  }

  button.addEventListener("click", () => press(canvas.hidden));

  function show(heatMap) {
    current = heatMap ?? null;
    button.hidden = !current;
    if (current) button.textContent = `Where it sees ${current.label}`;
    press(false);
  }

  return { show };
}

/** Scale the grid over the part of the image that it speaks of. */
function draw(canvas, preview, { grid, box }) {
  const scale = Math.min(1, MOST_SIDE / Math.max(preview.naturalWidth, preview.naturalHeight));
  // As large in proportion as the image, so that the same style puts both in the same place.
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
    // From gold where it is weak to red where it is strong.
    pixels.data.set([255, 200 - 160 * value, 61 - 40 * value, STRONGEST * value], 4 * place);
  });
  small.getContext("2d").putImageData(pixels, 0, 0);
  return small;
}
