/** Scales images down before the upload; the service scales them down further anyway. */

import { ApiError } from "./api.js";
import { withHint } from "./strings.js";

const QUALITY = 0.92;
/** Bytes that take a moment to send even on a slow connection, so that scaling saves no time. */
const SMALL = 250_000;
const HEAD = 32;
/** Flags of a WebP with metadata; they may turn the image, which browsers ignore and the service does not. */
const WEBP_METADATA = 0b1100;

/**
 * @param {File} file
 * @param {number} maxSide the longer side in pixels to which the service scales images down
 * @returns {Promise<File>} the file itself if it is small or the browser cannot decode it, else a smaller JPEG
 */
export async function shrink(file, maxSide) {
  const head = await headOf(file);
  if (file.size <= SMALL || !isDecodedAlike(head)) return file;
  let image;
  try {
    // Colour profiles are ignored, as by the service.
    image = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    return file;
  }
  // Twice the side, so that scaling twice changes the image as little as possible.
  const blob = await scaled(image, 2 * maxSide);
  image.close();
  return blob && blob.size < file.size ? new File([blob], file.name, { type: blob.type }) : file;
}

async function headOf(file) {
  try {
    return new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  } catch {
    throw new ApiError(...withHint("error.unreadable_file"));
  }
}

/** Return whether the service accepts the format, and browsers decode it to the same image. */
function isDecodedAlike(head) {
  const text = String.fromCharCode(...head);
  if (text.startsWith("\xff\xd8\xff") || text.startsWith("\x89PNG\r\n\x1a\n")) return true;
  const isWebp = text.startsWith("RIFF") && text.slice(8, 12) === "WEBP";
  return isWebp && !(text.slice(12, 16) === "VP8X" && head[20] & WEBP_METADATA);
}

function scaled(image, side) {
  const scale = Math.min(1, side / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  const context = canvas.getContext("2d");
  // JPEG has no transparency: the service puts images on white.
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
}
