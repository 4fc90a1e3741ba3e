// The ring that shows how wide a brush is.

/** @param {object} canvas @param {{y: number, x: number}} point @param {number} radius in scene pixels */
export function drawRing(canvas, { y, x }, radius) {
  const path = new Path2D();
  path.arc(x + 0.5, y + 0.5, Math.max(radius, 0.5), 0, 2 * Math.PI);
  canvas.stroke(path, [["rgb(0 0 0 / 65%)", 3], ["#fff", 1.5]]);
}
