// The editing of one project: what the tools and panels do goes through here.

import { Synchroniser } from "./synchroniser.js";
import { newId, Timeline } from "./timeline.js";

const PATIENCE = 250; // ms until what is not confirmed is drawn as a sketch
const ROOM = 32; // objects below the server's limit, where the rows without pixels are dropped

/** Makes steps of what a person does, and keeps the store up to date with what comes of it. */
export class Session {
  #store;
  #vault;
  #synchroniser;
  #order = Promise.resolve(); // of steps whose operations take a moment to make
  #patience = 0; // timer
  timeline = null;

  constructor(store, server, vault) {
    this.#store = store;
    this.#vault = vault;
    this.#synchroniser = new Synchroniser(server, {
      onScene: (step, scene) => this.#showScene(step, scene),
      onPicture: (step, picture) => this.#showPicture(picture),
      onPreview: (scene, picture, preview) => store.update({ scene, picture, pictured: preview }),
      onConfirmed: (step, before, scene) => this.#confirm(step, before, scene),
      onRefused: (step, message) => this.#refuse(step, message),
      onConnection: (connection) => store.update({ connection }),
      onIdle: () => this.#tellOfTimeline(),
    });
  }

  /** Begins a project with a scene document and makes it the page's. */
  begin(document, name) {
    const { classes, style_dimension: dimension } = this.#store.state.bundle;
    const project = { id: newId(), name, classes: classes.map((each) => each.name), dimension };
    this.open(Timeline.begin(this.#vault, project, document, this.#saved));
  }

  /** Goes on with a project that was kept. */
  resume({ project, steps }) {
    this.open(new Timeline(this.#vault, project, steps, this.#saved));
  }

  open(timeline) {
    this.timeline = timeline;
    this.#store.update({
      project: timeline.project, scene: null, picture: null, selected: null, hovered: null, target: { kind: "new" },
      start: null, pictured: null,
    }); // prettier-ignore
    this.#synchroniser.open(timeline);
    this.#tellOfTimeline();
  }

  /**
   * Adds a step; it is sent at once, or when there is a server again.
   *
   * @param {{label: string, operations: object[]}|Promise<object>} step
   */
  commit(step) {
    this.#synchroniser.endPreview();
    const { timeline } = this;
    this.#order = this.#order.then(async () => {
      const made = await step;
      if (timeline !== this.timeline) return;
      const pushed = timeline.push(made);
      if (made.makes) this.#store.update({ target: { kind: "made", by: pushed.serial } });
      this.#synchroniser.kick();
      this.#tellOfTimeline();
    });
  }

  /** Shows what a step would give, while it is under way. @param {{operations: object[], since: number}} preview */
  preview(preview) {
    if (!this.timeline.pending.length) this.#synchroniser.preview(preview);
  }

  /** Ends a preview that comes to nothing. */
  cancelPreview() {
    this.#synchroniser.endPreview();
    this.#store.update({ pictured: null });
    this.#synchroniser.showAgain();
  }

  undo() {
    if (this.timeline?.canUndo) this.#move(-1, "Undone");
  }

  redo() {
    if (this.timeline?.canRedo) this.#move(1, "Redone");
  }

  /** Sends again without waiting longer. */
  retry() {
    if (this.timeline) this.#synchroniser.kick();
  }

  /** Locks or unlocks how an object looks. */
  toggleLock(id) {
    const { locks } = this.timeline.current;
    this.timeline.lock(locks.includes(id) ? locks.filter((each) => each !== id) : [...locks, id]);
    this.#tellOfTimeline();
  }

  rename(name) {
    this.timeline.project.name = name;
    this.timeline.keep();
  }

  /** Keeps a small picture of the project, for the list of projects. */
  keepThumbnail(blob) {
    this.timeline.project.thumbnail = blob;
    this.timeline.keep();
  }

  get idle() {
    return this.#synchroniser.idle;
  }

  #move(by, word) {
    this.#synchroniser.endPreview();
    const { label } = this.timeline.move(by);
    this.#store.update({ message: `${word}: ${label}` });
    this.#synchroniser.kick();
    this.#tellOfTimeline();
  }

  #showScene(step, scene) {
    const { selected, target, hovered } = this.#store.state;
    const gone = (id) => id !== null && !scene.has(id);
    const made = target.kind === "made" ? this.timeline.steps.find((each) => each.serial === target.by) : null;
    const patch = { scene, pictured: null };
    if (made && made.made !== null && made.confirmed) {
      Object.assign(patch, { target: { kind: "object", id: made.made }, selected: made.made });
    } else if (gone(selected)) {
      patch.selected = null;
    }
    const current = patch.target ?? target;
    const lost = current.kind === "object" && !scene.has(current.id);
    if (lost || (target.kind === "made" && !made)) patch.target = { kind: "new" };
    if (gone(hovered)) patch.hovered = null;
    this.#store.update(patch);
    this.#tellOfTimeline();
  }

  #showPicture(picture) {
    const { start } = this.#store.state;
    this.#store.update({ picture, ...(this.timeline.index === 0 && !start && { start: picture }) });
  }

  async #confirm(step, before, scene) {
    const { bundle } = this.#store.state;
    const paints = step.operations.find((each) => each.do === "paint" || each.do === "add_object" || each.do === "duplicate");
    const added = scene.classes.length > before.classes.length;
    const region = paints && "class" in paints ? scene.classes.indexOf(paints.class) : null;
    const made = paints ? (added ? scene.classes.length - 1 : (paints.instance ?? region)) : null;
    let kept = scene;
    const { timeline } = this;
    const full = scene.classes.length > bundle.limits.instances - ROOM;
    if (full && timeline.pending.at(-1) === step && timeline.pending.length === 1) kept = await this.#compact(step, scene);
    timeline.confirm(step, kept.document, kept === scene && typeof made !== "object" ? made : null);
    return kept;
  }

  async #compact(step, scene) {
    const { scene: compact, renamed } = await scene.compacted();
    step.locks = step.locks.filter((id) => renamed.has(id)).map((id) => renamed.get(id));
    this.#store.update({ selected: renamed.get(this.#store.state.selected) ?? null, target: { kind: "new" } });
    return compact;
  }

  #refuse(step, message) {
    this.#store.update({ trouble: step ? `“${step.label}” could not be done: ${message}` : message });
    this.#tellOfTimeline();
  }

  #tellOfTimeline() {
    const { timeline } = this;
    clearTimeout(this.#patience);
    if (timeline.pending.length) this.#patience = setTimeout(() => this.#store.update({ late: true }), PATIENCE);
    else this.#store.update({ late: false });
    this.#store.update({
      canUndo: timeline.canUndo, canRedo: timeline.canRedo, pending: timeline.pending, locks: timeline.current.locks,
      undoLabel: timeline.current.label, redoLabel: timeline.steps[timeline.index + 1]?.label ?? "",
      working: !this.#synchroniser.idle,
    }); // prettier-ignore
  }

  #saved = (error) => {
    if (error) this.#store.update({ trouble: `This browser could not keep the project: ${error.message}. Save it to a file.` });
    this.#store.update({ saved: error ? "failed" : this.#vault.lasting ? "kept" : "not kept" });
  };
}
