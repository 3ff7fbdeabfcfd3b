/** Photographs of today's phones are larger than the service takes; it needs only a small copy. */

const SIDE = 2048;
const QUALITY = 0.92;
const SURELY_FITS = 1_500_000;

/** @returns {Promise<File>} the file itself where the service takes it, and else a copy that it takes */
export async function fitting(file, { max_upload_mb, max_pixels_mp }) {
  if (file.size < SURELY_FITS) return file;
  let image;
  try {
    image = await createImageBitmap(file);
  } catch {
    return file;
  }
  const { width, height } = image;
  const fits = file.size <= max_upload_mb * 2 ** 20 && width * height <= max_pixels_mp * 1e6;
  const copy = fits ? file : await scaled(image, file.name);
  image.close();
  return copy;
}

async function scaled(image, name) {
  const scale = Math.min(1, SIDE / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(image.width * scale);
  canvas.height = Math.round(image.height * scale);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  return new File([blob], name, { type: blob.type });
}
