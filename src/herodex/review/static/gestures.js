/** Gestures on the map: draw a rectangle, choose, move and zoom, by mouse, pen or fingers. */

/** Pixels that a click may move. */
const CLICK = 4;
/** Pixels of the wheel that enlarge the map by a factor of e; a pinch on a touchpad reports fewer. */
const WHEEL = 500;
const PINCH = 100;
/** Pixels per line of a wheel that counts lines. */
const LINE = 20;

const distance = ([x, y], [left, top]) => Math.hypot(x - left, y - top);
const middle = ([x, y], [left, top]) => [(x + left) / 2, (y + top) / 2];
const between = ([x, y], [left, top]) => [x - left, y - top];

function corners([x, y], [left, top]) {
  return { left: Math.min(x, left), right: Math.max(x, left), top: Math.min(y, top), bottom: Math.max(y, top) };
}

/** Listen; places are in pixels of the area. `draw` is told null when a rectangle is given up, `zoom` returns whether it did. */
export function listenToGestures(area, { moves, hover, draw, select, choose, move, zoom }) {
  /** The pointers that are down, by id. */
  const down = new Map();
  let start = null;
  let dragging = "";

  const placeOf = (event) => {
    const { left, top } = area.getBoundingClientRect();
    return [event.clientX - left - area.clientLeft, event.clientY - top - area.clientTop];
  };

  function stop(event) {
    down.delete(event.pointerId);
    // A finger that stays after a pinch does nothing.
    dragging = down.size ? "pinch" : "";
    draw(null);
  }

  area.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || down.size === 2) return;
    const place = placeOf(event);
    down.set(event.pointerId, place);
    area.setPointerCapture(event.pointerId);
    if (down.size === 1) {
      start = place;
      dragging = moves() || event.ctrlKey || event.metaKey ? "move" : "select";
    } else {
      dragging = "pinch";
      draw(null);
    }
  });
  area.addEventListener("pointermove", (event) => {
    const place = placeOf(event);
    const before = down.get(event.pointerId);
    if (!before) {
      if (!down.size) hover(place);
      return;
    }
    down.set(event.pointerId, place);
    if (dragging === "select") draw(corners(start, place));
    else if (dragging === "move") move(between(before, place));
    else if (down.size === 2) {
      const other = [...down].find(([id]) => id !== event.pointerId)[1];
      move(between(middle(before, other), middle(place, other)));
      zoom(distance(place, other) / Math.max(1, distance(before, other)), middle(place, other));
    }
  });
  area.addEventListener("pointerup", (event) => {
    if (!down.has(event.pointerId)) return;
    const place = placeOf(event);
    const done = dragging;
    const clicked = distance(start, place) <= CLICK;
    stop(event);
    if (done === "pinch") return;
    if (clicked) choose(place, event.shiftKey);
    else if (done === "select") select(corners(start, place), event.shiftKey);
  });
  area.addEventListener("pointercancel", stop);
  area.addEventListener(
    "wheel",
    (event) => {
      const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1);
      if (!pixels) return;
      const zoomed = zoom(Math.exp(-pixels / (event.ctrlKey ? PINCH : WHEEL)), placeOf(event));
      // The whole map cannot become smaller: then the wheel scrolls the page.
      if (zoomed || event.ctrlKey) event.preventDefault();
    },
    { passive: false },
  );
}
