// Mouse, pen and fingers on the canvas: tools get points of the scene, two fingers and the space bar move the view.

/**
 * Listens to the canvas.
 *
 * @param {HTMLCanvasElement} element
 * @param {object} editor `viewport`, `canvas`, `tool()`, `hover(point|null, place)`, `store`.
 */
export function listenToPointers(element, { viewport, canvas, tool, hover, store }) {
  const down = new Map(); // pointer id to its place
  let drawing = null; // the pointer that the tool follows
  let panning = null;
  let pinched = null; // {distance, x, y}
  let space = false;

  const place = (event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const described = (event) => {
    const { x, y } = place(event);
    const pen = event.pointerType === "pen";
    return {
      point: viewport.toScene(x, y), place: { x, y }, pressure: pen && event.pressure ? event.pressure : null,
      since: event.timeStamp, touch: event.pointerType === "touch", shift: event.shiftKey,
      pan: () => (panning = event.pointerId),
    }; // prettier-ignore
  };

  function pinch() {
    const [one, other] = [...down.values()];
    const now = { distance: Math.hypot(one.x - other.x, one.y - other.y), x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
    if (pinched) {
      viewport.zoom(now.distance / Math.max(1, pinched.distance), now.x, now.y);
      viewport.pan(now.x - pinched.x, now.y - pinched.y);
    }
    pinched = now;
  }

  element.addEventListener("pointerdown", (event) => {
    if (!store.state.scene) return;
    element.setPointerCapture(event.pointerId);
    canvas.cross = null;
    down.set(event.pointerId, place(event));
    if (down.size === 2) {
      if (drawing !== null) tool()?.cancel?.();
      drawing = panning = null;
      pinched = null;
      pinch();
      return;
    }
    if (down.size > 2 || event.button > 1) return;
    if (space || event.button === 1) {
      event.preventDefault();
      panning = event.pointerId;
      element.dataset.panning = "";
      return;
    }
    drawing = event.pointerId;
    tool()?.down?.(described(event));
  });

  element.addEventListener("pointermove", (event) => {
    if (!store.state.scene) return;
    const before = down.get(event.pointerId);
    const now = place(event);
    if (before) down.set(event.pointerId, now);
    if (pinched && down.size >= 2) return pinch();
    if (before && panning === event.pointerId) return viewport.pan(now.x - before.x, now.y - before.y);
    if (drawing === event.pointerId) {
      const steps = event.getCoalescedEvents?.() ?? [];
      const last = described(event);
      const between = steps.slice(0, -1).map(described);
      tool()?.move?.(last, between);
    }
    if (event.pointerType !== "touch" || drawing !== null) hover(viewport.toScene(now.x, now.y), now);
    else hover(null);
  });

  function lift(event, cancelled) {
    const known = down.delete(event.pointerId);
    if (down.size < 2) pinched = null;
    if (panning === event.pointerId) {
      panning = null;
      delete element.dataset.panning;
      drawing = null;
      if (known) tool()?.cancel?.();
    } else if (drawing === event.pointerId) {
      drawing = null;
      if (cancelled) tool()?.cancel?.();
      else tool()?.up?.(described(event));
    }
    if (event.pointerType === "touch") hover(null);
  }
  element.addEventListener("pointerup", (event) => lift(event, false));
  element.addEventListener("pointercancel", (event) => lift(event, true));
  element.addEventListener("pointerleave", () => hover(null));
  element.addEventListener("contextmenu", (event) => event.preventDefault());
  element.addEventListener("dblclick", (event) => tool()?.double?.(described(event)));

  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      if (!store.state.scene) return;
      const { x, y } = place(event);
      const lines = event.deltaMode ? 16 : 1;
      if (event.shiftKey) viewport.pan(-lines * (event.deltaY || event.deltaX), 0);
      else viewport.zoom(Math.exp((-lines * event.deltaY) / (event.ctrlKey ? 120 : 480)), x, y);
    },
    { passive: false },
  );

  const hold = (held) => (event) => {
    if (event.key !== " " || isControl(event.target)) return;
    if (held) event.preventDefault();
    space = held;
    element.toggleAttribute("data-space", held);
  };
  addEventListener("keydown", hold(true));
  addEventListener("keyup", hold(false));
  addEventListener("blur", () => {
    space = false;
    element.removeAttribute("data-space");
  });
}

/** Whether a key belongs to what has the focus, as the space bar to a button. */
export const isControl = (target) => target.closest?.("button, input, select, textarea, summary, dialog, [role=slider]") !== null;
