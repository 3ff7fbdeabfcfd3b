/** Scales down images that are larger than the service accepts, such as photos from phones. */

const SIDE = 2048;
const QUALITY = 0.92;
const ALWAYS_FITS = 1_500_000;

/** @returns {Promise<File>} the file itself if the service accepts it, else a smaller copy */
export async function fitting(file, { max_upload_mb, max_pixels_mp }) {
  if (file.size < ALWAYS_FITS) return file;
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
