// The selected object: its class, copies, moves, scale, and its end.

import { byId, fillSelect, paintSwatch } from "./elements.js";

const FACTOR = 1.15;

/** @param {object} editor */
export function wireObjectPanel(editor) {
  const { store } = editor;
  const select = byId("object-class");
  const actions = objectActions(editor);

  select.addEventListener("change", () => actions.changeClass(Number(select.value)));
  for (const each of document.querySelectorAll("[data-object]")) each.addEventListener("click", () => actions[each.dataset.object](1));

  store.watch(["scene", "selected", "bundle"], () => {
    const { scene, selected, bundle } = store.state;
    const there = Boolean(scene?.has(selected));
    byId("object").toggleAttribute("data-empty", !there);
    byId("object-name").textContent = there ? scene.name(selected, bundle.classes) : "Object";
    byId("object-size").textContent = there ? `${scene.boxes[selected].width} × ${scene.boxes[selected].height} px` : "";
    paintSwatch(byId("object-title").firstElementChild, there ? bundle.classes[scene.classes[selected]].colour : undefined);
    if (there) fillSelect(select, bundle.classes.map(({ index, name }) => [index, name]), scene.classes[selected]);
  });
  return actions;
}

/** What can be done to the selected object, also by keys. */
function objectActions(editor) {
  const { store, session } = editor;

  /** Commits what is made of the selected object. */
  function act(word, make) {
    const { scene, selected, bundle } = store.state;
    if (!scene?.has(selected)) return store.update({ message: "Select an object first" });
    const operation = make(selected, scene);
    if (operation) session.commit({ label: `${word} ${scene.name(selected, bundle.classes)}`, operations: [operation] });
  }

  const move = (down, right) => (steps) =>
    act("Move", (instance, scene) => {
      const { top, left, bottom, right: end } = scene.boxes[instance];
      const [y, x] = [down * steps, right * steps];
      const inside = bottom + y > 0 && end + x > 0 && top + y < scene.height && left + x < scene.width;
      return inside ? { do: "move", instance, down: y, right: x, fill: store.state.fill } : null;
    });
  const scale = (factor) => () => act("Scale", (instance) => ({ do: "scale", instance, factor, fill: store.state.fill }));

  return {
    changeClass: (index) => act("Change class of", (instance) => ({ do: "change_class", instance, class: index })),
    delete: () => act("Delete", (instance) => ({ do: "remove", instance, fill: store.state.fill })),
    duplicate: () =>
      act("Duplicate", (instance, scene) => {
        const { left, right, width } = scene.boxes[instance];
        const shift = Math.max(4, Math.round(0.6 * width));
        return { do: "duplicate", instance, down: 0, right: right + shift <= scene.width || left - shift < 0 ? shift : -shift };
      }),
    extend: () => editor.extend(store.state.selected, true),
    left: move(0, -1),
    right: move(0, 1),
    up: move(-1, 0),
    down: move(1, 0),
    smaller: scale(1 / FACTOR),
    larger: scale(FACTOR),
  };
}
