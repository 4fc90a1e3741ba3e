// Paints inside corners that are set one by one; a press on the first corner, a double press or Enter closes it.

import { meetsScene, pair, paintLabel, paintOperation, paintStep } from "../painting.js";
import { polygonPath } from "../sketches.js";

const NEAR = 10; // CSS pixels around the first corner

/** @param {object} editor */
export function polygonTool({ store, session, canvas, viewport }) {
  let corners = [];
  let pointer = null;

  const mask = () => ({ kind: "polygon", points: corners });
  const nearFirst = (point) => {
    if (corners.length < 3) return false;
    const first = viewport.toView({ y: corners[0][0], x: corners[0][1] });
    const here = viewport.toView(point);
    return Math.hypot(first.x - here.x, first.y - here.y) < NEAR;
  };

  function show(since) {
    canvas.invalidate();
    store.update({ corners: corners.length });
    if (corners.length > 2) session.preview({ operations: [paintOperation(store.state, mask())], since, points: corners.length });
  }

  function close() {
    const finished = { kind: "polygon", points: corners };
    const { state } = store;
    if (corners.length < 3 || !meetsScene(state.scene, corners)) return cancel();
    corners = [];
    store.update({ corners: 0 });
    session.commit(paintStep(state, finished));
  }

  function cancel() {
    if (corners.length) session.cancelPreview();
    corners = [];
    store.update({ corners: 0 });
    canvas.invalidate();
  }

  return {
    name: "polygon",
    close,
    cancel: () => {}, // two fingers that move the view leave the corners
    abandon: cancel,
    hint: () => (corners.length ? `${paintLabel(store.state)} · ${corners.length} corners` : paintLabel(store.state)),
    sketch: () => (corners.length > 2 ? paintOperation(store.state, mask()) : null),
    down({ point, since, keyboard }) {
      if (nearFirst(point)) return close();
      const corner = pair(point);
      const last = corners.at(-1);
      if (last && Math.hypot(last[0] - corner[0], last[1] - corner[1]) < 0.5) return keyboard ? close() : undefined;
      corners = [...corners, corner];
      show(since);
    },
    double: close, // its second press set no corner
    hover(point) {
      pointer = point;
      canvas.invalidate();
    },
    key({ key }) {
      if (!corners.length || (key === "Enter" && canvas.cross)) return false;
      if (key === "Enter" && corners.length > 2) close();
      else if (key === "Escape") cancel();
      else if (key === "Backspace") {
        corners = corners.slice(0, -1);
        if (corners.length < 3) session.cancelPreview();
        show(performance.now());
      } else return false;
      return true;
    },
    draw(context) {
      if (!corners.length) return;
      const open = pointer ? [...corners, pair(pointer)] : corners;
      canvas.stroke(polygonPath(open, corners.length > 2), [["rgb(0 0 0 / 65%)", 3], ["#fff", 1.5]]);
      for (const [index, [y, x]] of corners.entries()) {
        const closes = index === 0 && corners.length > 2;
        context.beginPath();
        context.arc(x + 0.5, y + 0.5, (closes ? 6 : 4) * canvas.pixel, 0, 2 * Math.PI);
        context.fillStyle = closes ? "#ffd34d" : "#fff";
        context.fill();
        context.lineWidth = 1.5 * canvas.pixel;
        context.strokeStyle = "rgb(0 0 0 / 75%)";
        context.stroke();
      }
    },
  };
}
