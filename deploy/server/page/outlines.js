// The edges between objects, as paths on the corners of pixels, so that they stay sharp at any zoom.

const known = new WeakMap(); // scene to its paths

/**
 * The outline of one object.
 *
 * @param {import("./scene.js").Scene} scene
 * @param {number} id
 * @returns {Path2D} in pixels from the scene's top left corner.
 */
export function outlineOf(scene, id) {
  return remembered(scene, id, () => maskOutline(scene.mask(id)));
}

/** The edges between all objects. @param {import("./scene.js").Scene} scene @returns {Path2D} */
export function allOutlines(scene) {
  return remembered(scene, "all", () => {
    const { ids, width, height } = scene;
    return edges(height, width, (y, x) => ids[y * width + x], true);
  });
}

/** The outline of a mask of its own size. @returns {Path2D} */
export function maskOutline({ top, left, height, width, bits }) {
  const outline = edges(height, width, (y, x) => (y >= 0 && x >= 0 && y < height && x < width ? bits[y * width + x] : 0));
  const placed = new Path2D();
  placed.addPath(outline, new DOMMatrix([1, 0, 0, 1, left, top]));
  return placed;
}

/** The pixels of a mask, to be filled. @returns {Path2D} */
export function maskArea({ top, left, height, width, bits }) {
  const path = new Path2D();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!bits[y * width + x]) continue;
      const start = x;
      while (x < width && bits[y * width + x]) x++;
      path.rect(left + start, top + y, x - start, 1);
    }
  }
  return path;
}

function edges(height, width, value, onlyInside = false) {
  const path = new Path2D();
  const [first, rows, columns] = onlyInside ? [1, height, width] : [0, height + 1, width + 1];
  runs(first, rows, width, (y, x) => value(y, x) !== value(y - 1, x), (y, start, end) => segment(path, start, y, end, y));
  runs(first, columns, height, (x, y) => value(y, x) !== value(y, x - 1), (x, start, end) => segment(path, x, start, x, end));
  return path;
}

function runs(first, lines, length, isEdge, draw) {
  for (let line = first; line < lines; line++) {
    for (let at = 0; at < length; at++) {
      if (!isEdge(line, at)) continue;
      const start = at;
      while (at < length && isEdge(line, at)) at++;
      draw(line, start, at);
    }
  }
}

function segment(path, startX, startY, endX, endY) {
  path.moveTo(startX, startY);
  path.lineTo(endX, endY);
}

function remembered(scene, key, make) {
  if (!known.has(scene)) known.set(scene, new Map());
  const paths = known.get(scene);
  if (!paths.has(key)) paths.set(key, make());
  return paths.get(key);
}
