// Files: projects, and what is exported.

import { byId, download } from "./elements.js";

const FORMAT = "scene editor project";
const VERSION = 1;

/** @param {object} editor @returns {object} what the menu's entries do, also for the keys */
export function wireFiles(editor) {
  const { store, session, server, projects } = editor;
  const menu = byId("file-menu");
  const input = byId("open-file");

  /** The scene as it is once all edits are with the server. */
  async function confirmedScene() {
    const { timeline } = session;
    const { pending } = timeline;
    if (pending.length) throw new Error("Some edits are not with the server yet. Export again once it has answered.");
    return timeline.documentOf(timeline.current);
  }
  const fileName = (ending) => `${(session.timeline.project.name || "scene").replace(/[^\p{L}\p{N} _-]+/gu, "_")}${ending}`;

  const actions = {
    open: () => input.click(),
    async save() {
      const whole = { format: FORMAT, version: VERSION, ...(await session.timeline.whole()) };
      download(new Blob([JSON.stringify(whole)], { type: "application/json" }), fileName(".json"));
      store.update({ message: "The project was saved to a file" });
    },
    async picture() {
      const scene = await confirmedScene();
      download(await server.post("api/scenes/picture", { scene, format: "png" }, { as: "blob" }), fileName(".png"));
      store.update({ message: "The picture was exported" });
    },
    async maps() {
      const scene = await confirmedScene();
      download(await server.post("api/scenes/maps", { scene }, { as: "blob" }), fileName(".zip"));
      store.update({ message: "Picture and maps were exported" });
    },
  };
  const guarded = Object.fromEntries(
    Object.entries(actions).map(([name, action]) => [
      name,
      async () => {
        try {
          if (store.state.scene || name === "open") await action();
        } catch (error) {
          store.update({ trouble: error.message });
        }
      },
    ]),
  );
  for (const each of menu.querySelectorAll("[data-file]")) {
    each.addEventListener("click", () => {
      menu.hidePopover();
      guarded[each.dataset.file]();
    });
  }
  menu.addEventListener("toggle", (event) => event.newState === "open" && placeMenu(menu));

  input.addEventListener("change", async () => {
    const [file] = input.files;
    input.value = "";
    if (file) await openFile(file).catch((error) => store.update({ trouble: error.message }));
  });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    const [file] = event.dataTransfer.files;
    if (event.defaultPrevented) return;
    event.preventDefault();
    if (file?.name.endsWith(".json")) openFile(file).catch((error) => store.update({ trouble: error.message }));
  });

  async function openFile(file) {
    const content = read(await file.text(), file.name);
    await projects.adopt(content);
    byId("start").close();
    editor.focusScene();
  }
  return guarded;
}

function read(text, name) {
  let content;
  try {
    content = JSON.parse(text);
  } catch {
    throw new Error(`“${name}” is not a project of this editor: it is not JSON.`);
  }
  if (content?.format !== FORMAT) throw new Error(`“${name}” is not a project of this editor.`);
  if (content.version !== VERSION) throw new Error(`“${name}” has version ${content.version} of the format, this editor reads ${VERSION}.`);
  const { project, steps } = content;
  const whole = project && Array.isArray(project.classes) && Array.isArray(steps) && steps.length && steps[0].confirmed;
  if (!whole || steps.some((step) => (step.confirmed ? !step.document?.instance : !Array.isArray(step.operations)))) {
    throw new Error(`“${name}” is damaged: it lacks a part of the project.`);
  }
  return { project, steps };
}

function placeMenu(menu) {
  const { left, bottom } = byId("file").getBoundingClientRect();
  menu.style.left = `${left}px`;
  menu.style.top = `${bottom + 6}px`;
}
