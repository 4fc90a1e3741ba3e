// Selects an object, moves it by dragging, and scales it by the handles at the corners of its box.

import { pixelAt } from "../painting.js";
import { HOVERED } from "../canvas.js";
import { outlineOf } from "../outlines.js";

const START = 4; // CSS pixels until a press becomes a drag
const REACH = { mouse: 9, touch: 20 }; // CSS pixels around a handle
const SMALLEST = 0.1;

/** @param {object} editor */
export function selectTool({ store, session, canvas, viewport }) {
  let press = null; // {id, place, point, kind: "press" | "move" | "scale"}
  let drag = null; // {down, right} or {factor}
  let outline = null; // of the object as it was

  const nameOf = (id) => store.state.scene.name(id, store.state.bundle.classes);
  const middle = ({ top, left, bottom, right }) => ({ y: (top + bottom) / 2 - 0.5, x: (left + right) / 2 - 0.5 });
  const cornersOf = ({ top, left, bottom, right }) =>
    [top, bottom].flatMap((y) => [left, right].map((x) => ({ y: y - 0.5, x: x - 0.5 })));

  function handleAt(place, touch) {
    const { scene, selected } = store.state;
    if (!scene.has(selected)) return false;
    const reach = touch ? REACH.touch : REACH.mouse;
    return cornersOf(scene.boxes[selected]).some((corner) => {
      const { x, y } = viewport.toView(corner);
      return Math.hypot(x - place.x, y - place.y) <= reach;
    });
  }

  function operation() {
    const { fill } = store.state;
    if (press.kind === "scale") return { do: "scale", instance: press.id, factor: drag.factor, fill };
    return { do: "move", instance: press.id, ...drag, fill };
  }

  function begin(event) {
    const { scene, selected, bundle } = store.state;
    if (press.kind === "press") {
      const movable = press.id !== null && (press.id === selected || bundle.classes[scene.classes[press.id]].has_instances);
      if (!movable) {
        press = null;
        event.pan();
        return;
      }
      press.kind = "move";
      store.update({ selected: press.id });
    }
    outline = outlineOf(scene, press.id);
    press.box = scene.boxes[press.id];
    drag = {};
  }

  function follow({ point, since }) {
    if (press.kind === "scale") {
      const centre = middle(press.box);
      const from = Math.hypot(press.point.y - centre.y, press.point.x - centre.x);
      const to = Math.hypot(point.y - centre.y, point.x - centre.x);
      drag = { factor: Math.max(SMALLEST, Math.round((100 * to) / Math.max(from, 0.5)) / 100) };
    } else {
      drag = { down: Math.round(point.y - press.point.y), right: Math.round(point.x - press.point.x) };
    }
    canvas.invalidate();
    if (moved() && staysInside()) session.preview({ operations: [operation()], since, points: 1 });
  }

  const moved = () => (press.kind === "scale" ? drag.factor !== 1 : drag.down !== 0 || drag.right !== 0);

  function staysInside() {
    const { scene } = store.state;
    const { top, left, bottom, right } = press.box;
    if (press.kind === "scale") return true;
    return bottom + drag.down > 0 && right + drag.right > 0 && top + drag.down < scene.height && left + drag.right < scene.width;
  }

  return {
    name: "select",
    hint: () => null,
    down({ point, place, touch }) {
      const { scene, selected } = store.state;
      const pixel = pixelAt(scene, point);
      const handle = handleAt(place, touch);
      press = { id: handle ? selected : pixel && scene.idAt(...pixel), place, point, kind: handle ? "scale" : "press" };
    },
    move(event) {
      if (!press) return;
      if (!drag && Math.hypot(event.place.x - press.place.x, event.place.y - press.place.y) < START) return;
      if (!drag) begin(event);
      if (press) follow(event);
    },
    up() {
      if (!press) return;
      const [finished, made] = [press, drag && moved() && staysInside() ? operation() : null];
      if (!drag) store.update({ selected: finished.kind === "scale" ? store.state.selected : finished.id });
      else if (made) session.commit({ label: `${finished.kind === "scale" ? "Scale" : "Move"} ${nameOf(finished.id)}`, operations: [made] });
      else session.cancelPreview();
      press = drag = outline = null;
      canvas.invalidate();
    },
    cancel() {
      if (drag) session.cancelPreview();
      press = drag = outline = null;
      canvas.invalidate();
    },
    hover(point, place) {
      canvas.element.dataset.handle = place && handleAt(place, false) ? "scale" : "";
    },
    draw(context) {
      if (drag) drawGhost(context);
      else if (store.state.scene.has(store.state.selected)) drawHandles(context);
    },
  };

  function drawGhost(context) {
    context.save();
    if (press.kind === "scale") {
      const { y, x } = middle(press.box);
      context.translate(x + 0.5, y + 0.5);
      context.scale(drag.factor, drag.factor);
      context.translate(-x - 0.5, -y - 0.5);
    } else {
      context.translate(drag.right ?? 0, drag.down ?? 0);
    }
    canvas.stroke(outline, HOVERED, [5, 4]);
    context.restore();
  }

  function drawHandles(context) {
    const { scene, selected } = store.state;
    const box = scene.boxes[selected];
    const path = new Path2D();
    path.rect(box.left, box.top, box.width, box.height);
    canvas.stroke(path, [["rgb(255 211 77 / 80%)", 1]], [4, 4]);
    const half = 4.5 * canvas.pixel;
    for (const { y, x } of cornersOf(box)) {
      context.fillStyle = "#fff";
      context.fillRect(x + 0.5 - half, y + 0.5 - half, 2 * half, 2 * half);
      context.strokeStyle = "rgb(0 0 0 / 75%)";
      context.lineWidth = 1.5 * canvas.pixel;
      context.strokeRect(x + 0.5 - half, y + 0.5 - half, 2 * half, 2 * half);
    }
  }
}
