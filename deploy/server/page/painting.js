// What brush, fill, polygon and lasso have in common: which object gets the pixels.

/** The class that is painted. */
export const paintClassOf = ({ bundle, paintClass }) => bundle.classes[paintClass];

/** The object that painting goes on with: its id, the step that makes it, or null for a new one. */
export function targetOf({ target, scene, paintClass, bundle }) {
  if (!bundle.classes[paintClass].has_instances) return null; // it joins the region
  if (target.kind === "object") return scene.has(target.id) && scene.classes[target.id] === paintClass ? target.id : null;
  return target.kind === "made" ? { made_by: target.by } : null;
}

/**
 * The operation that paints a mask.
 *
 * @param {object} state
 * @param {object} mask document
 * @returns {object}
 */
export function paintOperation(state, mask) {
  const target = targetOf(state);
  const style = target === null ? (state.newStyles[state.paintClass] ?? null) : null;
  return { do: "paint", mask, class: state.paintClass, instance: target, style };
}

/** What painting does, for the history and beside the pointer. */
export function paintLabel(state) {
  const { name, has_instances: numbered } = paintClassOf(state);
  const target = targetOf(state);
  if (!numbered) return `Paint ${name}`;
  if (target === null) return `New ${name}`;
  return typeof target === "number" ? `Extend ${state.scene.name(target, state.bundle.classes)}` : `Extend new ${name}`;
}

/** A step that paints; where it makes an object, painting goes on with that one. */
export function paintStep(state, mask, label = paintLabel(state)) {
  const operation = paintOperation(state, mask);
  return { label, operations: [operation], makes: operation.instance === null && paintClassOf(state).has_instances };
}

/** Whether a stroke meets the scene. @param {[number, number][]} points (y, x) */
export function meetsScene({ height, width }, points, radius = 0) {
  return points.some(([y, x]) => y > -radius - 0.5 && x > -radius - 0.5 && y < height - 0.5 + radius && x < width - 0.5 + radius);
}

/** A point as mask documents have it, without needless digits. */
export const pair = ({ y, x }) => [Math.round(100 * y) / 100, Math.round(100 * x) / 100];

/** The nearest pixel to a point, or null outside the scene. */
export function pixelAt({ height, width }, { y, x }) {
  const [row, column] = [Math.round(y), Math.round(x)];
  return row >= 0 && column >= 0 && row < height && column < width ? [row, column] : null;
}
