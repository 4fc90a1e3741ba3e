// The line above the canvas: what the present tool can be told.

import { byId, checkRadio, fillSelect, onRadio, paintSwatch } from "./elements.js";
import { paintClassOf, targetOf } from "./painting.js";

const TIPS = {
  select: "Press an object; drag it to move it, drag a corner to scale it.",
  brush: "Draw on labels or picture.",
  eraser: "Wipe parts of an object away.",
  fill: "Press an area to fill it.",
  polygon: "Set corners; press the first one to close.",
  lasso: "Draw around an area.",
  place: "Press where it belongs.",
  hand: "Drag to move the view.",
};

/** The brush's radius at a position of its slider: fine for small ones. */
const radiusAt = (position, largest) => Math.round(10 * (0.5 + (largest - 0.5) * (position / 100) ** 2)) / 10;
const sliderAt = (radius, largest) => Math.round(100 * Math.sqrt((radius - 0.5) / (largest - 0.5)));
const largestRadius = (scene) => Math.max(2, Math.min(scene.height, scene.width) / 2);

/** @param {object} editor */
export function wireToolOptions(editor) {
  const { store, tool } = editor;
  onRadio("tool", (name) => editor.useTool(name));
  store.watch(["tool", "scene"], () => {
    checkRadio("tool", store.state.tool);
    document.body.dataset.tool = store.state.tool;
    for (const each of document.querySelectorAll("#options [data-for]")) {
      each.hidden = !each.dataset.for.split(" ").includes(store.state.tool);
    }
    byId("tip").textContent = TIPS[store.state.tool];
  });
  wireTarget(editor);
  wireSize(store);
  wireFilling(store);
  onRadio("erase", (eraseFrom) => store.update({ eraseFrom }));
  store.watch(["eraseFrom", "selected", "scene"], () => {
    const { scene, selected, eraseFrom, bundle } = store.state;
    const there = Boolean(scene?.has(selected));
    const radio = document.querySelector("input[name=erase][value=selected]");
    radio.disabled = !there;
    radio.nextElementSibling.textContent = there ? `Only ${scene.name(selected, bundle.classes)}` : "Selected object";
    checkRadio("erase", there ? eraseFrom : "under");
  });
  byId("close-polygon").addEventListener("click", () => tool().close());
  byId("drop-polygon").addEventListener("click", () => tool().abandon());
  store.watch(["corners"], () => {
    byId("close-polygon").disabled = store.state.corners < 3;
    byId("drop-polygon").disabled = store.state.corners === 0;
  });
  byId("drop-placing").addEventListener("click", () => editor.useTool("select"));
  const scale = byId("scale");
  scale.addEventListener("input", () => {
    store.update({ placingScale: store.state.placingBase * 2 ** (scale.value / 50) });
    scale.nextElementSibling.textContent = `${Math.round(100 * 2 ** (scale.value / 50))} %`;
  });
  store.watch(["placing"], () => {
    scale.value = 0;
    scale.nextElementSibling.textContent = "100 %";
  });
}

/** New object or more of one. */
function wireTarget(editor) {
  const { store } = editor;
  onRadio("target", (value) => {
    if (value === "new") store.update({ target: { kind: "new" } });
    else if (store.state.target.kind === "new") editor.extend(store.state.selected);
  });
  store.watch(["target", "paintClass", "selected", "scene", "bundle", "tool"], () => {
    const { state } = store;
    if (!state.bundle || !state.scene) return;
    const { name, has_instances: numbered, colour } = paintClassOf(state);
    paintSwatch(byId("painting").querySelector(".swatch"), colour);
    byId("painting-name").textContent = numbered ? name : `${name} (one region)`;
    if (!byId("targets").dataset.for.split(" ").includes(state.tool)) return;
    byId("targets").hidden = !numbered;
    const target = targetOf(state);
    const selectable = state.scene.has(state.selected) && state.bundle.classes[state.scene.classes[state.selected]].has_instances;
    const existing = typeof target === "number" ? target : selectable ? state.selected : null;
    const radio = document.querySelector("input[name=target][value=existing]");
    radio.disabled = existing === null && target === null;
    byId("existing").textContent =
      existing !== null ? `Extend ${state.scene.name(existing, state.bundle.classes)}` : target ? `Extend the new ${name}` : "Selected object";
    checkRadio("target", target === null ? "new" : "existing");
  });
}

function wireSize(store) {
  const slider = byId("radius");
  slider.addEventListener("input", () => {
    store.update({ radius: radiusAt(Number(slider.value), largestRadius(store.state.scene)) });
  });
  store.watch(["radius", "scene"], () => {
    const { radius, scene } = store.state;
    if (!scene) return;
    slider.value = sliderAt(radius, largestRadius(scene));
    const text = `${Math.round(2 * radius)} px`;
    slider.nextElementSibling.textContent = text;
    slider.setAttribute("aria-valuetext", text);
  });
  byId("pressure").checked = store.state.pressure;
  byId("pressure").addEventListener("change", (event) => store.update({ pressure: event.target.checked }));
}

/** Changes the brush's radius by a step. @param {number} by 1 or -1 */
export function stepRadius(store, by) {
  const largest = largestRadius(store.state.scene);
  const position = Math.min(100, Math.max(0, sliderAt(store.state.radius, largest) + 5 * by));
  store.update({ radius: radiusAt(position, largest) });
}

/** What fills the hole of what is moved, deleted or erased. */
function wireFilling(store) {
  const selects = document.querySelectorAll("select.filling");
  for (const each of selects) {
    each.addEventListener("change", () => store.update({ fill: each.value === "" ? null : Number(each.value) }));
  }
  store.watch(["bundle", "fill"], () => {
    const { bundle, fill } = store.state;
    if (!bundle) return;
    const options = [["", "what is around"], ...bundle.classes.map(({ index, name }) => [index, name])];
    for (const each of selects) fillSelect(each, options, fill ?? "");
  });
}
