// Paints along the pointer's path, as a new object or more of one.

import { meetsScene, paintLabel, paintOperation, paintStep } from "../painting.js";
import { Stroke } from "../stroke.js";
import { drawRing } from "./ring.js";

/** @param {object} editor */
export function brushTool(editor) {
  const { store, session, canvas } = editor;
  let stroke = null;
  let ring = null;

  async function preview(since) {
    const { state } = store;
    const operation = paintOperation(state, await stroke.document(state.scene));
    if (stroke) session.preview({ operations: [operation], since, points: stroke.points.length });
  }

  return {
    name: "brush",
    hint: () => paintLabel(store.state),
    sketch: () => stroke && { ...paintOperation(store.state, stroke.rough(store.state.scene)) },
    down({ point, pressure, since }) {
      stroke = new Stroke(store.state.radius, store.state.pressure);
      stroke.add(point, pressure);
      canvas.invalidate();
      if (meetsScene(store.state.scene, stroke.points, stroke.radius)) preview(since);
    },
    move({ point, pressure, since }, between = []) {
      if (!stroke) return;
      const added = [...between.map((each) => [each.point, each.pressure]), [point, pressure]].map((each) => stroke.add(...each));
      if (!added.includes(true)) return;
      canvas.invalidate();
      if (meetsScene(store.state.scene, stroke.points, stroke.radius)) preview(since);
    },
    up() {
      if (!stroke) return;
      const finished = stroke;
      stroke = null;
      const { state } = store;
      if (!meetsScene(state.scene, finished.points, finished.radius)) return session.cancelPreview();
      const make = paintStep.bind(null, { ...state });
      session.commit(finished.document(state.scene).then((mask) => make(mask)));
    },
    cancel() {
      if (stroke) session.cancelPreview();
      stroke = null;
    },
    hover(point) {
      ring = point;
      canvas.invalidate();
    },
    draw(context) {
      if (ring) drawRing(canvas, ring, store.state.radius);
    },
  };
}
