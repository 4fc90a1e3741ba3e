// The classes to paint with.

import { byId, make, paintSwatch } from "./elements.js";
import { isPainting } from "./tool_names.js";

/** @param {object} editor */
export function wirePalette(editor) {
  const { store } = editor;
  const palette = byId("palette");
  store.watch(["bundle"], () => {
    const { bundle } = store.state;
    if (!bundle) return;
    const entries = bundle.classes.map(({ index, name, colour }) => {
      const swatch = make("span", { className: "swatch" });
      paintSwatch(swatch, colour);
      const radio = make("input", { type: "radio", name: "class", value: String(index) });
      radio.addEventListener("change", () => choose(index));
      radio.addEventListener("click", () => choose(index)); // a press on the chosen one begins a new object too
      return make("label", { title: name }, radio, swatch, make("span", { className: "name", textContent: name }));
    });
    palette.replaceChildren(palette.firstElementChild, ...entries);
    palette.classList.toggle("many", entries.length > 16);
  });
  store.watch(["paintClass", "bundle"], () => {
    for (const each of palette.querySelectorAll("input")) each.checked = Number(each.value) === store.state.paintClass;
  });

  function choose(index) {
    store.update({ paintClass: index, target: { kind: "new" } });
    if (!isPainting(store.state.tool)) editor.useTool("brush");
  }
}
