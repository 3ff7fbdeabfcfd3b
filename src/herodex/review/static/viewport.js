/** The part of the map that is in sight: `left` and `top` are shares of the map, `scale` says how often the part fits into it. */

const MOST = 100;

export const WHOLE = Object.freeze({ scale: 1, left: 0, top: 0 });

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

/** Move a part back into the map. */
function inside({ scale, left, top }) {
  const last = 1 - 1 / scale;
  return { scale, left: clamp(left, 0, last), top: clamp(top, 0, last) };
}

/** Zoom about a place, given as shares of the part in sight, which stays where it is. */
export function zoom(view, factor, [across, down]) {
  const scale = clamp(view.scale * factor, 1, MOST);
  const lost = 1 / view.scale - 1 / scale;
  return inside({ scale, left: view.left + across * lost, top: view.top + down * lost });
}

/** Move by shares of the part in sight. */
export function move({ scale, left, top }, [right, down]) {
  return inside({ scale, left: left + right / scale, top: top + down / scale });
}

/** Move as little as shows a place of the map, a tenth of the part away from its edges. */
export function reveal({ scale, left, top }, [across, down]) {
  const [near, far] = [0.1 / scale, 0.9 / scale];
  return inside({
    scale,
    left: clamp(left, across - far, across - near),
    top: clamp(top, down - far, down - near),
  });
}
