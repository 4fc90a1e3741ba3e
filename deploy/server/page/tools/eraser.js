// Takes pixels from one object: the selected one, or the one where the stroke begins.

import { pixelAt } from "../painting.js";
import { Stroke } from "../stroke.js";
import { drawRing } from "./ring.js";

/** @param {object} editor */
export function eraserTool(editor) {
  const { store, session, canvas } = editor;
  let stroke = null;
  let instance = null;
  let whole = null; // the scene before the stroke; the preview's lacks what is erased
  let ring = null;

  const victimAt = (point) => {
    const { scene, eraseFrom, selected } = store.state;
    if (eraseFrom === "selected" && scene.has(selected)) return selected;
    const pixel = pixelAt(scene, point);
    return pixel && scene.idAt(...pixel);
  };
  const operation = (mask) => ({ do: "erase", instance, mask, fill: store.state.fill });
  const label = (id) => `Erase ${store.state.scene.name(id, store.state.bundle.classes)}`;

  async function preview(since) {
    const mask = await stroke.document(store.state.scene);
    if (stroke) session.preview({ operations: [operation(mask)], since, points: stroke.points.length });
  }

  function add({ point, pressure, since }) {
    if (!stroke?.add(point, pressure)) return;
    canvas.invalidate();
    preview(since);
  }

  return {
    name: "eraser",
    hint: (point) => {
      const id = instance ?? (point && victimAt(point));
      return id === null ? null : label(id);
    },
    sketch: () => stroke && operation(stroke.rough(store.state.scene)),
    down(event) {
      instance = victimAt(event.point);
      if (instance === null) return;
      whole = store.state.scene;
      stroke = new Stroke(store.state.radius, store.state.pressure);
      add(event);
    },
    move(event) {
      add(event);
    },
    up() {
      if (!stroke) return;
      const scene = whole;
      const [finished, id, { fill }, said] = [stroke, instance, store.state, label(instance)];
      stroke = instance = null;
      if (!touches(scene, finished, id)) {
        session.cancelPreview();
        store.update({ message: `The stroke missed ${scene.name(id, store.state.bundle.classes)}` });
        return;
      }
      const done = (mask) => ({ label: said, operations: [{ do: "erase", instance: id, mask, fill }] });
      session.commit(finished.document(scene).then(done));
    },
    cancel() {
      if (stroke) session.cancelPreview();
      stroke = instance = null;
    },
    hover(point) {
      ring = point;
      canvas.invalidate();
    },
    draw() {
      if (ring) drawRing(canvas, ring, store.state.radius);
    },
  };
}

/** Whether a stroke has a pixel of an object. */
function touches(scene, { points, radius }, id) {
  const { top, left, bottom, right } = scene.boxes[id];
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      if (scene.idAt(y, x) === id && points.some((point, at) => nearSegment(points[Math.max(0, at - 1)], point, y, x, radius))) {
        return true;
      }
    }
  }
  return false;
}

function nearSegment([startY, startX], [endY, endX], y, x, radius) {
  const [down, right] = [endY - startY, endX - startX];
  const share = ((y - startY) * down + (x - startX) * right) / Math.max(down * down + right * right, 1e-12);
  const along = Math.min(1, Math.max(0, share));
  return Math.hypot(y - startY - along * down, x - startX - along * right) <= radius + 1e-6;
}
