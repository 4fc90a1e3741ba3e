// Which project this tab has: its id is behind # in the address, so that a reload finds it, and a lock of the
// browser keeps a second tab from it; that one gets a copy.

import { newId } from "./timeline.js";

/** The tab's hold on a project. */
export class Projects {
  #release = null;

  /** @param {object} editor */
  constructor(editor) {
    this.editor = editor;
  }

  /** The id that the address names, or null. */
  get named() {
    return /^#[0-9a-f]{16}$/.test(location.hash) ? location.hash.slice(1) : null;
  }

  /** Opens a project that this browser keeps, or a copy of it where another tab has it open. */
  async open(id) {
    const { vault, session, store } = this.editor;
    const found = await vault.read(id);
    if (!found) throw new Error("This browser does not keep that project any more.");
    this.check(found.project);
    await this.release();
    if (await this.claim(id)) {
      session.resume(found);
      return;
    }
    const { project, steps } = found;
    await this.adopt({ project: { ...project, name: `${project.name} (copy)` }, steps });
    store.update({ message: "The project is open in another tab; this one has a copy." });
  }

  /** Makes a project of a file, or of another tab, this tab's own. */
  async adopt({ project, steps }) {
    const { vault, session } = this.editor;
    this.check(project);
    const own = { ...project, id: newId() };
    await this.release();
    await this.claim(own.id);
    await vault.write(own, steps);
    session.resume({ project: own, steps });
  }

  /** Refuses projects of a model with other classes or styles. */
  check({ classes, dimension }) {
    const { bundle } = this.editor.store.state;
    const names = bundle.classes.map((each) => each.name);
    if (String(names) !== String(classes)) {
      throw new Error(`The project has the classes ${classes.join(", ")}; the model that is served has ${names.join(", ")}.`);
    }
    if (dimension !== bundle.style_dimension) {
      throw new Error(`The project has looks of ${dimension} numbers; the model that is served has ${bundle.style_dimension}.`);
    }
  }

  /** Takes a project for this tab; false where another tab has it. */
  async claim(id) {
    const held = await new Promise((resolve) => {
      if (!navigator.locks) return resolve(true); // as on an address without encryption
      navigator.locks
        .request(`project ${id}`, { ifAvailable: true }, (lock) => {
          resolve(lock !== null);
          return lock && new Promise((release) => (this.#release = release));
        })
        .catch(() => resolve(true));
    });
    if (held) history.replaceState(null, "", `#${id}`);
    return held;
  }

  /** Lets the present project go; what was to be kept is kept first. */
  async release() {
    await this.editor.session.timeline?.kept();
    this.#release?.();
    this.#release = null;
  }

  /** Deletes the oldest projects that no tab has open. */
  async prune() {
    const { held = [] } = (await navigator.locks?.query()) ?? {};
    await this.editor.vault.prune(new Set([this.named, ...held.map(({ name }) => name.replace("project ", ""))]));
  }
}
