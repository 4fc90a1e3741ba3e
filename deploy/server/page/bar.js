// The bar at the top: history, comparison, views, theme, the project's name.

import { byId, checkRadio, onRadio } from "./elements.js";

const SAVED = { kept: "Saved in this browser", "not kept": "Not saved: save a file", failed: "Not saved" };

/** @param {object} editor */
export function wireBar({ store, session, compare }) {
  byId("undo").addEventListener("click", () => session.undo());
  byId("redo").addEventListener("click", () => session.redo());
  store.watch(["canUndo", "canRedo", "undoLabel", "redoLabel"], () => {
    const { canUndo, canRedo, undoLabel, redoLabel } = store.state;
    describe(byId("undo"), canUndo, canUndo ? `Undo: ${undoLabel}` : "Nothing to undo");
    describe(byId("redo"), canRedo, canRedo ? `Redo: ${redoLabel}` : "Nothing to redo");
  });

  const hold = byId("compare");
  hold.addEventListener("pointerdown", (event) => {
    hold.setPointerCapture(event.pointerId);
    compare(true);
  });
  for (const end of ["pointerup", "pointercancel", "blur"]) hold.addEventListener(end, () => compare(false));
  hold.addEventListener("keydown", (event) => (event.key === " " || event.key === "Enter") && compare(true));
  hold.addEventListener("keyup", () => compare(false));
  hold.addEventListener("contextmenu", (event) => event.preventDefault());

  onRadio("mode", (mode) => store.update({ view: { ...store.state.view, mode } }));
  store.watch(["view"], () => checkRadio("mode", store.state.view.mode));

  const name = byId("project-name");
  const showName = () => {
    name.value = store.state.project?.name ?? "";
    document.title = store.state.project ? `${name.value} – Scene editor` : "Scene editor";
  };
  name.addEventListener("change", () => {
    session.rename(name.value.trim() || "Scene");
    showName();
  });
  name.addEventListener("keydown", (event) => event.key === "Enter" && name.blur());
  store.watch(["project"], showName);
  store.watch(["saved", "pending", "connection"], () => {
    const { saved, pending, connection } = store.state;
    const waits = connection && pending.length;
    byId("saved").textContent = waits ? `${pending.length} to be sent, kept here` : (SAVED[saved] ?? "");
  });
  store.watch(["scene"], () => {
    for (const each of document.querySelectorAll("[data-needs-scene]")) each.disabled = !store.state.scene;
  });
}

function describe(button, enabled, text) {
  button.disabled = !enabled;
  button.dataset.tip = text;
  button.setAttribute("aria-label", text);
}
