// Lists what is not accessible, too wide, cut off or overlapping; runs after axe-core.

const done = arguments[0];
const CONTROLS = "a, button, input, select, summary, textarea";
const MEDIA = "canvas, img, progress, video";
const root = document.querySelector("dialog:modal") ?? document.body;

// Chromium computes this property without the forced colours, and axe-core reads it for the colour of text.
const getPropertyValue = CSSStyleDeclaration.prototype.getPropertyValue;
function withForcedColours(name) {
  return getPropertyValue.call(this, name === "-webkit-text-fill-color" ? "color" : name);
}

function settle() {
  // axe-core checks colours, which must have stopped changing.
  for (const animation of document.getAnimations()) {
    if (animation.effect.getComputedTiming().endTime === Infinity) animation.cancel();
    else animation.finish();
  }
}

function isSeen(element) {
  return element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
}

function isShortened(element) {
  return getComputedStyle(element).textOverflow === "ellipsis";
}

function describe(element) {
  return `${element.cloneNode().outerHTML} ${element.textContent.trim().slice(0, 40)}`;
}

// The part of a box that its ancestors leave of it, and whether one of them scrolls to the rest.
function clip(element, box) {
  let { left, top, right, bottom } = box;
  let scrolls = false;
  for (let at = element; at && at !== document.body; at = at.parentElement) {
    const { overflowX, overflowY, clipPath } = getComputedStyle(at);
    // Hidden from sight, for screen readers.
    if (clipPath !== "none") return { left, top, right: left, bottom: top, scrolls: true };
    if (overflowX === "visible" && overflowY === "visible") continue;
    scrolls ||= /auto|scroll/.test(overflowX + overflowY);
    const around = at.getBoundingClientRect();
    [left, top] = [Math.max(left, around.left), Math.max(top, around.top)];
    [right, bottom] = [Math.min(right, around.right), Math.min(bottom, around.bottom)];
  }
  return { left, top, right, bottom, scrolls };
}

function toPart(element, box, node) {
  return { element, node, box, ...clip(element, box) };
}

function listLines() {
  const found = [];
  const range = document.createRange();
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.data.trim() || !isSeen(node.parentElement)) continue;
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) found.push(toPart(node.parentElement, box, node));
  }
  return found.filter(({ box }) => box.width > 1 && box.height > 1);
}

function listBoxes(selector) {
  return [...root.querySelectorAll(selector)]
    .filter(isSeen)
    // A link in two lines has a box in each.
    .flatMap((element) => [...element.getClientRects()].map((box) => toPart(element, box, element)))
    .filter(({ box }) => box.width > 1 && box.height > 1);
}

function findSidewaysScrolling() {
  const { scrollWidth, clientWidth } = document.documentElement;
  return scrollWidth > clientWidth ? [`scrolls sideways: ${scrollWidth} px in ${clientWidth} px`] : [];
}

function findCutOff(parts) {
  const width = document.documentElement.clientWidth;
  const isCut = ({ element, box, left, top, right, bottom, scrolls }) => {
    if (scrolls || isShortened(element)) return false;
    // Half a pixel is rounding, and the box of a line is higher than its letters.
    const aside = Math.max(left - box.left, box.right - right, -box.left, box.right - width) > 0.5;
    return aside || Math.max(top - box.top, box.bottom - bottom) > 0.25 * box.height;
  };
  return parts.filter(isCut).map(({ element }) => `cut off: ${describe(element)}`);
}

function overlap(one, other) {
  const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
  const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  const lower = Math.min(one.bottom - one.top, other.bottom - other.top);
  return width > 2 && height > Math.max(2, 0.3 * lower);
}

function findOverlaps(parts) {
  const sorted = parts.toSorted((one, other) => one.top - other.top);
  return sorted.flatMap((one, place) => {
    const end = sorted.findIndex(({ top }, at) => at > place && top >= one.bottom);
    return sorted
      .slice(place + 1, end < 0 ? sorted.length : end)
      .filter((other) => !one.node.contains(other.node) && !other.node.contains(one.node))
      .filter((other) => overlap(one, other))
      .map((other) => `overlap: ${describe(one.element)} and ${describe(other.element)}`);
  });
}

function holderOf(element) {
  return getComputedStyle(element).display === "inline" ? holderOf(element.parentElement) : element;
}

// A line that is longer than its paragraph, button or cell runs over its border, or into what is beside it.
function findOutgrown(lines) {
  const outgrows = ({ element, box, scrolls }) => {
    if (scrolls || isShortened(element)) return false;
    const { left, right } = holderOf(element).getBoundingClientRect();
    return box.left < left - 1 || box.right > right + 1;
  };
  return lines.filter(outgrows).map(({ element }) => `wider than what holds it: ${describe(element)}`);
}

async function findViolations() {
  CSSStyleDeclaration.prototype.getPropertyValue = withForcedColours;
  try {
    const { violations } = await axe.run({ resultTypes: ["violations"] });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`.replace(/\s+/g, " ")));
  } finally {
    CSSStyleDeclaration.prototype.getPropertyValue = getPropertyValue;
  }
}

async function check() {
  const frame = () => new Promise(requestAnimationFrame);
  // The first frame may still have been under way in the mode before.
  await frame();
  await frame();
  settle();
  const lines = listLines();
  const controls = listBoxes(CONTROLS);
  return [
    ...findSidewaysScrolling(),
    ...findCutOff([...lines, ...controls, ...listBoxes(MEDIA)]),
    ...findOutgrown(lines),
    ...findOverlaps(lines),
    ...findOverlaps(controls),
    ...(await findViolations()),
  ];
}

check().then(done, (error) => done([String(error)]));
