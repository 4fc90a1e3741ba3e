// How a scene begins: a project of before, a sample, one's own maps, or an empty canvas.

import { byId, drawnPicture, fillSelect, make, openDialog, tellError } from "./elements.js";

const RECENT = 6;

/** @param {object} editor @returns {() => void} opens the dialog */
export function wireStartDialog(editor) {
  const { store, session, server, vault, projects } = editor;
  const dialog = byId("start");

  /** Does what makes a scene, closes the dialog, or tells why not. */
  async function begin(make, name) {
    tellError(dialog, null);
    dialog.toggleAttribute("data-busy", true);
    try {
      const document = await make();
      await projects.release();
      session.begin(document, name);
      await projects.claim(session.timeline.project.id);
      dialog.close();
      editor.focusScene();
    } catch (error) {
      tellError(dialog, error);
      throw error;
    } finally {
      dialog.removeAttribute("data-busy");
    }
  }
  const attempt = (make, name) => begin(make, name).catch(() => {});

  store.watch(["samples"], () => {
    const { samples } = store.state;
    byId("samples").hidden = !samples.length;
    const cards = samples.map((sample, index) => {
      const name = `Sample ${index + 1}`;
      const open = () => attempt(() => server.json(`api/samples/${encodeURIComponent(sample.name)}`), name);
      return card(name, `${sample.width} × ${sample.height}`, server.blob(sample.thumbnail), open);
    });
    byId("samples").querySelector("ul").replaceChildren(...cards);
  });

  async function showRecent() {
    const list = (await vault.list()).filter((each) => each.id !== session.timeline?.project.id).slice(0, RECENT);
    byId("recent").hidden = !list.length;
    const cards = list.map((project) => {
      const open = async () => {
        try {
          await projects.open(project.id);
          dialog.close();
        } catch (error) {
          tellError(dialog, error);
        }
      };
      return card(project.name, ago(project.updated), Promise.resolve(project.thumbnail), open);
    });
    byId("recent").querySelector("ul").replaceChildren(...cards);
  }

  wireUpload(editor, begin, dialog);
  wireEmpty(editor, attempt);
  byId("start-open").addEventListener("click", () => byId("open-file").click());
  byId("new").addEventListener("click", open);

  function open() {
    tellError(dialog, null);
    byId("resize").hidden = true;
    dialog.querySelector("[data-close]").hidden = !store.state.scene;
    dialog.toggleAttribute("data-firm", !store.state.scene);
    showRecent();
    openDialog(dialog);
    byId("start-title").focus();
  }
  dialog.addEventListener("cancel", (event) => !store.state.scene && event.preventDefault());
  return open;
}

function wireUpload({ server }, begin, dialog) {
  const [label, instance] = [byId("upload-label"), byId("upload-instance")];
  const offer = byId("resize");

  function send(resize) {
    const [file] = label.files;
    const fields = { label: file, instance: instance.files[0] ?? null, seed: "0", ...(resize && { resize: "true" }) };
    return begin(() => server.send("api/scenes", fields), file.name.replace(/\.[^.]*$/, ""));
  }
  for (const each of [label, instance]) each.addEventListener("change", () => (offer.hidden = true));
  byId("upload").addEventListener("submit", async (event) => {
    event.preventDefault();
    offer.hidden = true;
    await send(false).catch((error) => {
      if (error.status !== 422 || !/resize|multiple|allowed size/i.test(error.message)) return;
      tellError(dialog, null);
      offer.firstElementChild.textContent = `The model does not take maps of this size. ${error.message}`;
      offer.hidden = false;
      offer.querySelector("button").focus();
    });
  });
  offer.querySelector("button").addEventListener("click", () => send(true).catch(() => {}));
}

function wireEmpty({ store, server }, attempt) {
  const [width, height, filled] = [byId("empty-width"), byId("empty-height"), byId("empty-class")];
  store.watch(["bundle"], () => {
    const { bundle } = store.state;
    if (!bundle) return;
    for (const [input, size] of [[width, bundle.trained_size.width], [height, bundle.trained_size.height]]) {
      Object.assign(input, { min: bundle.size_multiple, step: bundle.size_multiple, value: size });
    }
    fillSelect(filled, bundle.classes.map(({ index, name }) => [index, name]));
  });
  byId("empty").addEventListener("submit", (event) => {
    event.preventDefault();
    const request = { height: Number(height.value), width: Number(width.value), class: Number(filled.value), seed: 0 };
    attempt(() => server.post("api/scenes/empty", request), "Empty canvas");
  });
}

function card(name, detail, thumbnail, open) {
  const picture = make("span", { className: "picture" });
  thumbnail.then((blob) => blob && drawnPicture(blob)).then((drawn) => drawn && picture.replaceChildren(drawn), () => {});
  const button = make("button", { type: "button" }, picture, make("span", { className: "name", textContent: name }), make("small", { className: "soft", textContent: detail }));
  button.addEventListener("click", open);
  return make("li", {}, button);
}

function ago(time) {
  const minutes = Math.round((Date.now() - time) / 60000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h ago` : `${Math.round(minutes / 1440)} days ago`;
}
