// Keys, and the overview of them.

import { byId, make, openDialog } from "./elements.js";
import { isControl } from "./pointer.js";
import { stepRadius } from "./tool_options.js";

const TOOLS = { v: "select", b: "brush", e: "eraser", f: "fill", p: "polygon", l: "lasso", h: "hand" };
const VIEWS = { 1: "label", 2: "picture", 3: "split", 4: "overlay" };
const OVERVIEW = {
  Tools: [["V", "Select, move, scale"], ["B", "Brush"], ["E", "Eraser"], ["F", "Fill"], ["P", "Polygon"], ["L", "Lasso"], ["H", "Move the view"], ["[ ]", "Smaller or larger brush"], ["N", "Paint a new object"]],
  Object: [[", .", "Next or previous object"], ["Alt ← ↑ → ↓", "Move it, with Shift farther"], ["Alt + −", "Scale it"], ["Ctrl D", "Duplicate"], ["Delete", "Delete"], ["K", "Lock its look"], ["S", "Shuffle looks"], ["Escape", "Cancel, or select nothing"]],
  View: [["1 2 3 4", "Labels, picture, split, overlay"], ["+ −", "Zoom, also by wheel or two fingers"], ["0", "Fit the scene"], ["Space", "Hold and drag to move the view"], ["O", "Outlines of objects"], ["C", "Hold to see the start"]],
  Project: [["Ctrl Z", "Undo"], ["Ctrl Shift Z", "Redo"], ["Ctrl S", "Save the project"], ["Ctrl O", "Open a project"], ["Ctrl E", "Export the picture"], ["?", "This overview"]],
  "Without a mouse": [["← ↑ → ↓", "Move the pointer in the scene"], ["Shift ←", "In larger steps"], ["Enter", "Press or lift it"]],
}; // prettier-ignore

/** @param {object} editor @param {{files: object, object: object}} actions */
export function wireShortcuts(editor, { files, object }) {
  const { store, session, viewport, tool } = editor;
  const dialog = byId("shortcuts");
  dialog.querySelector(".columns").replaceChildren(...Object.entries(OVERVIEW).map(overview));
  const help = () => openDialog(dialog);
  byId("help").addEventListener("click", help);

  const withControl = {
    z: (shift) => (shift ? session.redo() : session.undo()),
    y: () => session.redo(),
    s: () => files.save(),
    o: () => files.open(),
    e: () => files.picture(),
    d: () => object.duplicate(),
  };
  const withAlt = {
    ArrowLeft: object.left, ArrowRight: object.right, ArrowUp: object.up, ArrowDown: object.down,
    "+": object.larger, "=": object.larger, "-": object.smaller,
  }; // prettier-ignore
  const plain = {
    "?": help,
    "[": () => stepSize(-1),
    "]": () => stepSize(1),
    n: () => store.update({ target: { kind: "new" }, message: "The next stroke makes a new object" }),
    o: () => store.update({ outlines: !store.state.outlines }),
    k: () => editor.toggleLock(),
    s: () => editor.shuffle(),
    0: () => viewport.fit(),
    "+": () => viewport.zoom(1.25),
    "=": () => viewport.zoom(1.25),
    "-": () => viewport.zoom(0.8),
    ",": () => editor.selectNext(-1),
    ".": () => editor.selectNext(1),
    Delete: () => object.delete(),
    Backspace: () => object.delete(),
    Escape: () => {
      if (store.state.selected !== null) store.update({ selected: null });
    },
  };

  function stepSize(by) {
    if (store.state.tool !== "place") return stepRadius(store, by);
    const slider = byId("scale");
    slider.value = Number(slider.value) + 5 * by;
    slider.dispatchEvent(new Event("input"));
  }

  addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || !store.state.bundle) return;
    if (isText(event.target)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const does = chosen(event, key);
    if (!does) return;
    event.preventDefault();
    does();
  });
  addEventListener("keyup", (event) => event.key.toLowerCase() === "c" && editor.compare(false));

  function chosen(event, key) {
    if (event.ctrlKey || event.metaKey) return withControl[key] && (() => withControl[key](event.shiftKey));
    if (!store.state.scene) return key === "?" ? help : null;
    if (event.altKey) return withAlt[key] && (() => withAlt[key](event.shiftKey ? 8 : 1));
    if (tool()?.key?.(event)) return () => {};
    if (isControl(event.target) && (key === "Backspace" || key.startsWith("Arrow"))) return null;
    if (TOOLS[key]) return () => editor.useTool(TOOLS[key]);
    if (VIEWS[key]) return () => store.update({ view: { ...store.state.view, mode: VIEWS[key] } });
    if (key === "c") return event.repeat ? () => {} : () => editor.compare(true);
    return plain[key];
  }
}

const isText = (target) => target.matches?.("input:not([type=radio], [type=checkbox], [type=range]), select, textarea");

function overview([title, keys]) {
  const rows = keys.map(([key, does]) => make("div", {}, make("dt", {}, ...key.split(" ").map((each) => make("kbd", { textContent: each }))), make("dd", { textContent: does })));
  return make("section", {}, make("h3", { textContent: title }), make("dl", {}, ...rows));
}
