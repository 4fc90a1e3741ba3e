// Wires the editor: the store, the session, the canvas, the tools and the panels.

import { wireBar } from "./bar.js";
import { wireBlend } from "./blend.js";
import { Canvas } from "./canvas.js";
import { byId } from "./elements.js";
import { wireGallery } from "./gallery_panel.js";
import { firstState } from "./first_state.js";
import { listenToKeyboardPointer } from "./keyboard_pointer.js";
import { shuffle, wireLooks } from "./looks_panel.js";
import { loadModel, watchModel } from "./model.js";
import { wireObjectPanel } from "./object_panel.js";
import { wirePalette } from "./palette_panel.js";
import { wirePhotoDialog } from "./photo_dialog.js";
import { listenToPointers } from "./pointer.js";
import { wireFiles } from "./project_files.js";
import { Projects } from "./projects.js";
import { Server } from "./server.js";
import { Session } from "./session.js";
import { wireSheets } from "./sheets.js";
import { wireShortcuts } from "./shortcuts.js";
import { wireStage } from "./stage.js";
import { wireStartDialog } from "./start_dialog.js";
import { createStore } from "./store.js";
import { keepThumbnails } from "./project_thumbnails.js";
import { wireTheme } from "./theme.js";
import { askForToken } from "./token_dialog.js";
import { wireToolOptions } from "./tool_options.js";
import { makeTools } from "./tools/all.js";
import { Vault } from "./vault.js";
import { Viewport } from "./viewport.js";

const element = byId("canvas");
const store = createStore(firstState());
const server = new Server(askForToken);
const vault = await Vault.open();
const session = new Session(store, server, vault);
const viewport = new Viewport(() => {
  canvas.invalidate();
  store.update({ moved: {} });
});
const tool = () => tools[store.state.tool];
const canvas = new Canvas(element, viewport, store, tool);
const editor = {
  store, server, vault, session, viewport, canvas, tool,
  useTool(name) {
    if (name !== store.state.tool) tool()?.abandon?.();
    store.update({ tool: name });
  },
  /** Goes on painting an object. */
  extend(id, alsoBrush = false) {
    const { scene, tool: present } = store.state;
    if (!scene?.has(id)) return;
    store.update({ paintClass: scene.classes[id], target: { kind: "object", id } });
    if (alsoBrush && present !== "brush") editor.useTool("brush");
  },
  selectNext(by) {
    const { scene, selected, bundle } = store.state;
    const objects = scene.objects();
    const at = objects.indexOf(selected);
    const next = objects[at < 0 ? (by > 0 ? 0 : objects.length - 1) : (at + by + objects.length) % objects.length];
    store.update({ selected: next, message: `${scene.name(next, bundle.classes)} selected` });
  },
  toggleLock() {
    if (store.state.scene?.has(store.state.selected)) session.toggleLock(store.state.selected);
  },
  shuffle: () => shuffle(editor),
  compare: (comparing) => store.update({ comparing: comparing && Boolean(store.state.start) }),
  focusScene: () => element.focus({ preventScroll: true }),
  say: (text) => store.update({ message: text }),
}; // prettier-ignore
editor.projects = new Projects(editor);
const tools = makeTools(editor);
editor.hover = wireStage(editor);

wireTheme(() => canvas.invalidate());
wireBar(editor);
wireToolOptions(editor);
wirePalette(editor);
wireLooks(editor);
wireBlend(editor);
wireGallery(editor);
wirePhotoDialog(editor);
wireSheets(editor);
const files = wireFiles(editor);
const object = wireObjectPanel(editor);
const openStart = wireStartDialog(editor);
wireShortcuts(editor, { files, object });
listenToPointers(element, editor);
listenToKeyboardPointer(element, editor);
keepThumbnails(editor);

store.watch(["scene"], () => store.state.scene && viewport.setScene(store.state.scene));
store.watch(["picture"], () => canvas.invalidate(store.state.pictured?.since));
store.watch(["scene", "view", "outlines", "hovered", "selected", "comparing", "pending", "late", "start"], () => canvas.invalidate());
new ResizeObserver(([{ contentRect: { width, height } }]) => viewport.resize(width, height, store.state.scene)).observe(byId("view"));

await loadModel(editor);
watchModel(editor);
const { named } = editor.projects;
try {
  if (named) await editor.projects.open(named);
} catch (error) {
  store.update({ trouble: error.message });
}
if (!session.timeline) openStart();
editor.projects.prune();
