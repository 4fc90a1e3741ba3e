// Paints inside a line that is drawn freely.

import { meetsScene, pair, paintLabel, paintOperation, paintStep } from "../painting.js";
import { polygonPath } from "../sketches.js";

/** @param {object} editor */
export function lassoTool({ store, session, canvas }) {
  let line = null;

  function add(point) {
    const next = pair(point);
    const last = line.at(-1);
    if (!last || Math.hypot(next[0] - last[0], next[1] - last[1]) >= 0.5) line.push(next);
  }
  const mask = () => ({ kind: "polygon", points: [...line] });

  return {
    name: "lasso",
    hint: () => paintLabel(store.state),
    sketch: () => (line?.length > 2 ? paintOperation(store.state, mask()) : null),
    down({ point }) {
      line = [];
      add(point);
    },
    move({ point, since }, between = []) {
      if (!line) return;
      for (const each of between) add(each.point);
      add(point);
      canvas.invalidate();
      if (line.length > 2 && meetsScene(store.state.scene, line)) {
        session.preview({ operations: [paintOperation(store.state, mask())], since, points: line.length });
      }
    },
    up() {
      if (!line) return;
      const finished = line.length > 2 && meetsScene(store.state.scene, line) ? mask() : null;
      line = null;
      canvas.invalidate();
      if (finished) session.commit(paintStep(store.state, finished));
      else session.cancelPreview();
    },
    cancel() {
      if (line) session.cancelPreview();
      line = null;
    },
    draw() {
      if (line?.length > 1) canvas.stroke(polygonPath(line), [["rgb(0 0 0 / 65%)", 3], ["#fff", 1.5]]);
    },
  };
}
