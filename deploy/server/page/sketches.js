// Operations drawn as shapes: of a stroke under way, and of steps that the server has not confirmed.

/**
 * Draws an operation roughly, in pixels from the scene's top left corner.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {object} operation of the API.
 * @param {string} colour
 * @param {number} from the first point of a brush stroke that is drawn.
 */
export function drawOperation(context, operation, colour, from = 0) {
  const { mask } = operation;
  if (!mask) return;
  context.fillStyle = context.strokeStyle = colour;
  if (mask.kind === "brush") drawStroke(context, mask, from);
  if (mask.kind === "polygon") {
    context.fill(polygonPath(mask.points));
  }
  if (mask.kind === "connected") {
    const [y, x] = mask.point;
    context.fillRect(x, y, 1, 1);
  }
  if (mask.kind === "bitmap" && mask.area) context.fill(mask.area);
}

function drawStroke(context, { points, radius }, from) {
  const part = points.slice(Math.max(0, Math.min(from - 1, points.length - 1)));
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = Math.max(1, 2 * radius);
  context.beginPath();
  const [[firstY, firstX]] = part;
  context.moveTo(firstX + 0.5, firstY + 0.5);
  for (const [y, x] of part) context.lineTo(x + 0.5, y + 0.5);
  if (part.length === 1) context.lineTo(firstX + 0.5 + 1e-3, firstY + 0.5);
  context.stroke();
}

/** A closed path through points (y, x). @returns {Path2D} */
export function polygonPath(points, closed = true) {
  const path = new Path2D();
  points.forEach(([y, x], index) => path[index ? "lineTo" : "moveTo"](x + 0.5, y + 0.5));
  if (closed) path.closePath();
  return path;
}
