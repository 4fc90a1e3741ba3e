// Places a mask of the gallery.

import { maskArea, maskOutline } from "../outlines.js";
import { bitmapDocument } from "../packing.js";

/** @param {object} editor */
export function placeTool({ store, session, canvas }) {
  let middle = null;

  /** The mask at its size and place. */
  function placed() {
    const { placing, placingScale: scale } = store.state;
    if (!placing || !middle) return null;
    const mask = scaled(placing, scale);
    return { ...mask, top: Math.round(middle.y - (mask.height - 1) / 2), left: Math.round(middle.x - (mask.width - 1) / 2) };
  }

  const isInside = ({ top, left, height, width }) =>
    top + height > 0 && left + width > 0 && top < store.state.scene.height && left < store.state.scene.width;

  async function operation(mask) {
    const { class: index } = store.state.placing;
    return { do: "add_object", mask: await bitmapDocument(mask), class: index, style: store.state.newStyles[index] ?? null };
  }

  return {
    name: "place",
    hint: () => `Place ${store.state.bundle.classes[store.state.placing.class].name}`,
    down({ point }) {
      middle = point;
      canvas.invalidate();
    },
    move({ point }) {
      middle = point;
      canvas.invalidate();
    },
    up({ point }) {
      middle = point;
      const mask = placed();
      if (!mask || !isInside(mask)) return;
      const { placing, bundle } = store.state;
      const { name, has_instances: makes } = bundle.classes[placing.class];
      session.commit(operation(mask).then((made) => ({ label: `Add ${name}`, operations: [made], makes })));
      middle = null;
      store.update({ placing: null, tool: "select" });
    },
    cancel() {
      middle = null;
      canvas.invalidate();
    },
    abandon() {
      middle = null;
      store.update({ placing: null });
    },
    key({ key }) {
      if (key !== "Escape") return false;
      store.update({ placing: null, tool: "select" });
      return true;
    },
    hover(point) {
      if (point) middle = point;
      canvas.invalidate();
    },
    draw(context) {
      const mask = placed();
      if (!mask) return;
      context.fillStyle = canvas.colourOf(store.state.placing);
      context.globalAlpha = 0.7;
      context.fill(maskArea(mask));
      context.globalAlpha = 1;
      canvas.stroke(maskOutline(mask), [["rgb(0 0 0 / 60%)", 3], ["#fff", 1.5]]);
    },
  };
}

/** A mask at another size, by its nearest pixels. */
function scaled({ height, width, bits }, factor) {
  const [rows, columns] = [Math.max(1, Math.round(height * factor)), Math.max(1, Math.round(width * factor))];
  const mask = new Uint8Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    const from = Math.floor(((y + 0.5) * height) / rows) * width;
    for (let x = 0; x < columns; x++) mask[y * columns + x] = bits[from + Math.floor(((x + 0.5) * width) / columns)];
  }
  return { height: rows, width: columns, bits: mask };
}
