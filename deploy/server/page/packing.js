// Bytes as the scene documents hold them: base64, zlib, one bit a pixel.

/** @param {Uint8Array} bytes @returns {string} */
export function toBase64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

/** @param {string} text @returns {Uint8Array} */
export function fromBase64(text) {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = characters.charCodeAt(at);
  return bytes;
}

/** @param {Uint8Array} bytes of zlib @returns {Promise<Uint8Array>} */
export const inflate = (bytes) => through(bytes, new DecompressionStream("deflate"));

/** @param {Uint8Array} bytes @returns {Promise<Uint8Array>} of zlib */
export const deflate = (bytes) => through(bytes, new CompressionStream("deflate"));

async function through(bytes, stream) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}

/** Packs a mask of 0 and 1, the first pixel into the highest bit. @param {Uint8Array} mask @returns {Uint8Array} */
export function packBits(mask) {
  const bytes = new Uint8Array(Math.ceil(mask.length / 8));
  for (let at = 0; at < mask.length; at++) if (mask[at]) bytes[at >> 3] |= 128 >> (at & 7);
  return bytes;
}

/** The inverse of `packBits`. @param {Uint8Array} bytes @param {number} count of pixels @returns {Uint8Array} */
export function unpackBits(bytes, count) {
  const mask = new Uint8Array(count);
  for (let at = 0; at < count; at++) mask[at] = (bytes[at >> 3] >> (7 - (at & 7))) & 1;
  return mask;
}

/**
 * Makes the mask document of a mask that lies somewhere in the scene.
 *
 * @param {{top: number, left: number, height: number, width: number, bits: Uint8Array}} mask
 */
export async function bitmapDocument({ top, left, height, width, bits }) {
  return { kind: "bitmap", height, width, top, left, bits: toBase64(await deflate(packBits(bits))) };
}

/** Reads a mask document's pixels. @param {{height: number, width: number, bits: string}} mask @returns {Promise<Uint8Array>} */
export async function bitsOf({ height, width, bits }) {
  return unpackBits(await inflate(fromBase64(bits)), height * width);
}
