// A pointer for the keyboard: arrow keys move it over the scene, Enter presses and lifts it.

const STEP = 1; // scene pixels
const LONG = 8;
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** @param {HTMLCanvasElement} element @param {object} editor */
export function listenToKeyboardPointer(element, { store, canvas, viewport, tool, hover, say }) {
  let pressed = false;

  const event = () => ({
    point: canvas.cross, place: viewport.toView(canvas.cross), pressure: null, since: performance.now(), touch: false,
    keyboard: true, pan: () => {},
  }); // prettier-ignore

  function show() {
    hover(canvas.cross, viewport.toView(canvas.cross));
    canvas.invalidate();
    const { scene, bundle, hovered } = store.state;
    if (hovered !== null) say(`${scene.name(hovered, bundle.classes)}, x ${canvas.cross.x}, y ${canvas.cross.y}`);
  }

  element.addEventListener("keydown", (key) => {
    const { scene } = store.state;
    if (!scene || key.ctrlKey || key.metaKey || key.altKey) return;
    const by = ARROWS[key.key];
    if (by) {
      key.preventDefault();
      const step = key.shiftKey ? LONG : STEP;
      canvas.cross ??= { y: Math.floor(scene.height / 2), x: Math.floor(scene.width / 2) };
      canvas.cross.y = Math.min(scene.height - 1, Math.max(0, canvas.cross.y + step * by[0]));
      canvas.cross.x = Math.min(scene.width - 1, Math.max(0, canvas.cross.x + step * by[1]));
      canvas.cross = { ...canvas.cross };
      if (pressed) tool().move?.(event());
      show();
    } else if (key.key === "Enter") {
      key.preventDefault();
      if (!canvas.cross && tool().key?.(key)) return;
      canvas.cross ??= { y: Math.floor(scene.height / 2), x: Math.floor(scene.width / 2) };
      pressed = !pressed;
      if (pressed) tool().down?.(event());
      else tool().up?.(event());
      const lasting = ["brush", "eraser", "lasso"].includes(store.state.tool);
      if (pressed && !lasting) {
        pressed = false;
        tool().up?.(event());
      }
      show();
      say(pressed ? "Drawing. Enter ends the stroke." : store.state.message);
    } else if (key.key === "Escape" && pressed) {
      pressed = false;
      tool().cancel?.();
      key.stopPropagation();
    }
  });
  element.addEventListener("blur", () => {
    if (pressed) tool().cancel?.();
    pressed = false;
    canvas.cross = null;
    canvas.invalidate();
  });
}
