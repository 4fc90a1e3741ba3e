// The steps of a project: what was done, and the scene after it once the server has confirmed it.
//
// Undo and redo move along the steps. A step that the server has not confirmed yet keeps its operations, so that
// nothing is lost while there is no server.

const IN_MEMORY = 48; // scenes on either side of the present one; farther ones are read from the vault

/** A random name of a project. */
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The steps of one project, kept in the vault at each change. */
export class Timeline {
  #vault;
  #writing = Promise.resolve();
  #onSaved;

  /**
   * @param {import("./vault.js").Vault} vault
   * @param {object} project `id`, `name`, `classes` (their names), `dimension`, `current` (serial of the present step).
   * @param {object[]} steps the first one is the start and confirmed.
   * @param {(error: Error|null) => void} onSaved is told of each change that was kept, or not.
   */
  constructor(vault, project, steps, onSaved) {
    this.#vault = vault;
    this.#onSaved = onSaved;
    this.project = project;
    this.steps = steps;
    this.index = Math.max(0, steps.findIndex((step) => step.serial === project.current));
  }

  /** A new project that begins with a scene document. */
  static begin(vault, project, document, onSaved) {
    const start = { serial: 0, label: "Start", operations: [], document, confirmed: true, made: null, locks: [] };
    const timeline = new Timeline(vault, { ...project, current: 0 }, [start], onSaved);
    timeline.keep([start]);
    return timeline;
  }

  get current() {
    return this.steps[this.index];
  }

  get canUndo() {
    return this.index > 0;
  }

  get canRedo() {
    return this.index < this.steps.length - 1;
  }

  /** The steps up to the present one that the server has not confirmed. */
  get pending() {
    return this.steps.slice(0, this.index + 1).filter((step) => !step.confirmed);
  }

  /** The last confirmed step up to the present one. */
  get confirmed() {
    return this.steps.slice(0, this.index + 1).findLast((step) => step.confirmed);
  }

  /** Adds a step after the present one; those that were undone are forgotten. */
  push({ label, operations }) {
    const dropped = this.steps.splice(this.index + 1).map((step) => step.serial);
    const serial = 1 + Math.max(this.current.serial, ...dropped);
    const step = { serial, label, operations, document: null, confirmed: false, made: null, locks: this.current.locks };
    this.steps.push(step);
    this.index++;
    this.keep([step], dropped);
    return step;
  }

  /** Takes the scene after a step, and the object that the step made. */
  confirm(step, document, made) {
    Object.assign(step, { document, made, confirmed: true });
    this.keep([step]);
  }

  /** Takes out a step that the server refused. */
  discard(step) {
    const at = this.steps.indexOf(step);
    this.steps.splice(at, 1);
    if (at <= this.index) this.index--;
    this.keep([], [step.serial]);
  }

  /** Moves to the step before (-1) or after (1) the present one, and gives the step that was undone or redone. */
  move(by) {
    const moved = this.steps[by < 0 ? this.index : this.index + 1];
    this.index += by;
    this.keep();
    return moved;
  }

  /** Gives the locked objects of the present step another set. */
  lock(locks) {
    this.current.locks = locks;
    this.keep([this.current]);
  }

  /** The scene document after a confirmed step. */
  async documentOf(step) {
    step.document ??= (await this.#vault.step(this.project.id, step.serial)).document;
    return step.document;
  }

  /** The operations of a step with the ids of objects that earlier steps made, which were not known before. */
  operationsOf(step) {
    const resolved = (instance) => {
      if (typeof instance !== "object" || instance === null) return instance;
      return this.steps.find((each) => each.serial === instance.made_by)?.made ?? null;
    };
    return step.operations.map((each) => ("instance" in each ? { ...each, instance: resolved(each.instance) } : each));
  }

  /** Keeps the project's record and what changed. */
  keep(steps = [], dropped = []) {
    this.project.current = this.current.serial;
    const written = steps.filter((step) => this.steps.includes(step)).map((step) => ({ ...step }));
    const project = { ...this.project };
    this.#writing = this.#writing
      .then(() => this.#vault.write(project, written, dropped))
      .then(() => this.#free())
      .then(() => this.#onSaved(null), this.#onSaved);
  }

  /** Waits until all is kept. */
  kept() {
    return this.#writing;
  }

  /** All of the project, for a file. */
  async whole() {
    await this.#writing;
    const steps = await Promise.all(
      this.steps.map(async (step) => ({ ...step, document: step.confirmed ? await this.documentOf(step) : null })),
    );
    this.#free();
    const { thumbnail, ...project } = this.project;
    return { project, steps };
  }

  #free() {
    if (!this.#vault.lasting) return;
    this.steps.forEach((step, at) => {
      if (at > 0 && Math.abs(at - this.index) > IN_MEMORY) step.document = null;
    });
  }
}
