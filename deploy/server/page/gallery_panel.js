// Shapes of objects from the dataset, to be dragged into the scene, or pressed and then placed.

import { byId, fillSelect, make } from "./elements.js";
import { bitsOf } from "./packing.js";

const SHOWN = 60;
const DRAG = 6; // CSS pixels until a press becomes a drag
const ANY = "any";

/** @param {object} editor */
export function wireGallery(editor) {
  const { store } = editor;
  const shapes = byId("shapes");
  const filter = byId("gallery-class");
  filter.addEventListener("change", show);
  store.watch(["gallery", "bundle"], () => {
    const { gallery, bundle } = store.state;
    byId("gallery").hidden = !gallery.length;
    document.querySelector("[data-sheet=gallery]").hidden = !gallery.length;
    const found = new Set(gallery.map((each) => each.class));
    fillSelect(filter, [[ANY, "all classes"], ...(bundle?.classes ?? []).filter(({ index }) => found.has(index)).map(({ index, name }) => [index, name])]);
    show();
  });
  store.watch(["placing"], () => {
    for (const each of shapes.children) {
      each.setAttribute("aria-pressed", String(store.state.placing?.number === Number(each.dataset.number)));
    }
  });

  async function show() {
    const { gallery, bundle } = store.state;
    const chosen = gallery.filter((each) => filter.value === ANY || each.class === Number(filter.value)).slice(0, SHOWN);
    const masks = await Promise.all(chosen.map(async (each) => ({ ...each, bits: await bitsOf(each) })));
    shapes.replaceChildren(...masks.map((mask) => shapeButton(mask, bundle.classes[mask.class])));
  }

  function shapeButton(mask, { name, colour }) {
    const button = make("button", { type: "button", dataset: { number: mask.number } }, drawn(mask, colour));
    button.setAttribute("aria-label", `${name}, ${mask.width} by ${mask.height}`);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => take(mask, true));
    button.addEventListener("pointerdown", (event) => event.button === 0 && watchDrag(event, mask));
    return button;
  }

  function take(mask, byKeyboard) {
    const { scene, bundle } = store.state;
    if (!scene) return;
    const base = scene.height / bundle.trained_size.height;
    editor.useTool("place");
    store.update({ placing: mask, placingBase: base, placingScale: base });
    if (byKeyboard) editor.focusScene();
    store.update({ message: "Press where it belongs. Escape puts it back." });
  }

  /** Follows a drag out of the gallery and over the scene. */
  function watchDrag(start, mask) {
    let dragging = false;
    const stop = new AbortController();
    const on = (name, listener) => addEventListener(name, listener, { signal: stop.signal });
    on("pointermove", (event) => {
      if (event.pointerId !== start.pointerId) return;
      const far = Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > DRAG;
      if (!dragging && far) {
        dragging = true;
        take(mask, false);
        swallowClick();
      }
      if (dragging) editor.tool().hover(pointAt(event));
    });
    on("pointerup", (event) => {
      if (event.pointerId !== start.pointerId) return;
      stop.abort();
      if (!dragging) return;
      if (isOver(byId("view"), event)) editor.tool().up({ point: pointAt(event) });
      else editor.useTool("select");
    });
    on("pointercancel", (event) => {
      if (event.pointerId !== start.pointerId) return;
      stop.abort();
      if (dragging) editor.useTool("select");
    });
  }

  function pointAt(event) {
    const { left, top } = byId("canvas").getBoundingClientRect();
    return editor.viewport.toScene(event.clientX - left, event.clientY - top);
  }
}

/** The click that follows a drag which ends where it began. */
function swallowClick() {
  const swallow = (event) => {
    event.stopPropagation();
    event.preventDefault();
  };
  addEventListener("click", swallow, { capture: true, once: true });
  addEventListener("pointerup", () => setTimeout(() => removeEventListener("click", swallow, { capture: true })), { once: true });
}

function isOver(element, { clientX, clientY }) {
  const { left, top, right, bottom } = element.getBoundingClientRect();
  return clientX >= left && clientX < right && clientY >= top && clientY < bottom;
}

function drawn({ height, width, bits }, [red, green, blue]) {
  const canvas = make("canvas", { width, height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let at = 0; at < bits.length; at++) if (bits[at]) image.data.set([red, green, blue, 255], 4 * at);
  context.putImageData(image, 0, 0);
  return canvas;
}
