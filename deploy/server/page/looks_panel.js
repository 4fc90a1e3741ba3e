// The looks of the selected object, each as a picture of this very scene; or, with nothing selected, those that the
// next new object of the class can have.

import { byId, checkRadio, drawnPicture, make, onRadio } from "./elements.js";
import { lookStep, numberOf, objectsInScope, shuffleStep } from "./looks.js";
import { fromBase64 } from "./packing.js";
import { Refused, Unavailable } from "./server.js";

const QUIET = 200; // ms without an edit before the thumbnails are asked for

/** @param {object} editor */
export function wireLooks(editor) {
  const { store, session, server } = editor;
  const grid = byId("thumbnails");
  let shown = null; // {scene, id} of the live thumbnails
  let asked = null; // AbortController
  let timer = 0;

  const looksOf = (index) => store.state.styles.get(index) ?? [];
  const subject = () => (store.state.scene?.has(store.state.selected) ? store.state.selected : null);

  onRadio("scope", (scope) => store.update({ scope }));
  byId("shuffle").addEventListener("click", () => editor.shuffle());
  byId("lock").addEventListener("click", () => editor.toggleLock());
  store.watch(["scope"], () => checkRadio("scope", store.state.scope));
  store.watch(["scene", "selected", "locks", "scope", "paintClass", "bundle", "styles", "newStyles"], describe);
  store.watch(["scene", "selected", "pictured", "picture", "working", "sheet"], plan);

  function describe() {
    const { bundle, scene, locks, scope, paintClass, styles } = store.state;
    if (!bundle || !scene) return;
    byId("looks").hidden = bundle.style_dimension === 0;
    document.querySelector("[data-sheet=looks]").hidden = bundle.style_dimension === 0;
    const id = subject();
    const index = id === null ? paintClass : scene.classes[id];
    const { name } = bundle.classes[index];
    const locked = id !== null && locks.includes(id);
    byId("looks-name").textContent = id === null ? `Look of the next ${name}` : "Looks";
    byId("scope-class").textContent = id === null ? "Its class" : `Each ${name}`;
    byId("scope-object").textContent = id === null ? "This object" : scene.name(id, bundle.classes);
    byId("scopes").hidden = byId("lock").hidden = byId("blend").hidden = byId("from-photo").hidden = id === null;
    byId("from-photo").hidden ||= !bundle.has_encoder;
    byId("lock").setAttribute("aria-pressed", String(locked));
    byId("lock").querySelector("use").setAttribute("href", `page/icons.svg#${locked ? "lock" : "unlock"}`);
    byId("shuffle").lastChild.textContent = id === null || scope === "all" ? "Shuffle all" : scope === "class" ? `Shuffle each ${name}` : "Shuffle";
    const none = !looksOf(index).length;
    const free = objectsInScope(store.state).length;
    byId("looks").toggleAttribute("data-locked", id !== null && !free);
    byId("looks-hint").textContent = none
      ? `The model knows no looks of ${name}.`
      : id !== null && !free
        ? "Locked: it keeps its look until you unlock it."
        : "";
    byId("looks-hint").hidden = !byId("looks-hint").textContent;
    arrange(id, index, styles);
    mark(id, index);
  }

  /** Makes a button for each look; the pictures come later. */
  function arrange(id, index, styles) {
    const key = `${id === null ? "next" : "of"} ${index}`;
    if (grid.dataset.key === key && grid.looks === styles) return;
    grid.dataset.key = key;
    grid.looks = styles;
    grid.replaceChildren(...looksOf(index).map((look) => lookButton(look, index)));
    if (id === null) for (const look of looksOf(index)) showExample(look);
    shown = null;
  }

  function lookButton({ number, vector }, index) {
    const button = make("button", { type: "button", dataset: { number } }, make("span", { className: "number", textContent: number + 1 }));
    button.setAttribute("aria-label", `Look ${number + 1}`);
    button.addEventListener("click", () => {
      if (subject() === null) return chooseForNext(number, index);
      const step = lookStep(store.state, vector, `Look ${number + 1}`);
      if (step) session.commit(step);
    });
    return button;
  }

  function chooseForNext(number, index) {
    const { newStyles } = store.state;
    store.update({ newStyles: { ...newStyles, [index]: newStyles[index] === number ? undefined : number } });
  }

  async function showExample({ number, thumbnail }) {
    const { key } = grid.dataset;
    const blob = await server.blob(thumbnail).catch(() => null);
    if (blob && grid.dataset.key === key) put(number, blob);
  }

  async function put(number, blob) {
    const picture = await drawnPicture(blob);
    const button = grid.querySelector(`[data-number="${number}"]`);
    button?.querySelector("canvas")?.remove();
    button?.prepend(picture);
  }

  function mark(id, index) {
    const { scene, newStyles } = store.state;
    const present = id === null ? newStyles[index] : numberOf(store.state, scene, id);
    for (const each of grid.children) {
      each.setAttribute("aria-pressed", String(Number(each.dataset.number) === present));
    }
  }

  /** Asks for thumbnails once the scene rests; an edit under way comes first. */
  function plan() {
    const { scene, pictured, working, sheet } = store.state;
    const id = subject();
    clearTimeout(timer);
    if (shown?.scene === scene && shown?.id === id) return;
    asked?.abort();
    grid.toggleAttribute("data-stale", id !== null);
    const visible = getComputedStyle(byId("looks")).display !== "none" || sheet === "looks";
    if (id === null || pictured || working || !visible || !looksOf(scene.classes[id]).length) return;
    timer = setTimeout(() => ask(scene, id), QUIET);
  }

  async function ask(scene, id) {
    asked = new AbortController();
    const { signal } = asked;
    try {
      const request = { scene: scene.document, instance: id };
      const { thumbnails } = await server.post("api/scenes/thumbnails", request, { signal });
      if (signal.aborted || store.state.scene !== scene || subject() !== id) return;
      shown = { scene, id };
      const shownAll = thumbnails.map(({ number, picture }) => put(number, new Blob([fromBase64(picture)], { type: "image/png" })));
      await Promise.all(shownAll);
      grid.removeAttribute("data-stale");
      store.update({ thumbnails: shown });
    } catch (error) {
      if (error instanceof Refused) store.update({ trouble: error.message });
      else if (error instanceof Unavailable) timer = setTimeout(plan, 10 * QUIET);
      else if (error.name !== "AbortError") throw error;
    }
  }
}

/** Shuffles, as the button and the key do. */
export function shuffle({ store, session }) {
  const step = shuffleStep(store.state);
  if (step) session.commit(step);
  else store.update({ message: "All of it is locked" });
}
