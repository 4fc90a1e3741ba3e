// Brings what is shown up to the project's present step, one request after the other: first the steps that the
// server has not confirmed, in their order, then a missing picture, then the preview of a stroke under way.

import { fromBase64 } from "./packing.js";
import { Refused, Unavailable } from "./server.js";
import { Scene } from "./scene.js";

const FIRST_WAIT = 500; // ms
const LONGEST_WAIT = 8000;
const REST = 60; // ms without a newer preview, after which the one under way is cancelled for the newest
const LOSSLESS = 2 ** 17; // pixels; larger pictures come as WebP, which is quicker to send
const PICTURES = 40; // kept for undo and redo

/** Sends edits and shows what comes back. */
export class Synchroniser {
  #server;
  #listener;
  #timeline = null;
  #running = false;
  #job = null; // the request under way: {kind, abort}
  #preview = null; // the newest one that waits
  #rest = 0;
  #wake = null;
  #pictures = new Map(); // serial of a step to its picture, the newest last
  #shown = null; // serial

  /**
   * @param {import("./server.js").Server} server
   * @param {object} listener `onScene(step, scene)`, `onPicture(step, picture)`, `onPreview(scene, picture, preview)`,
   *     `onConfirmed(step, before, scene)`, which may give another scene in its place, `onRefused(step, message)`,
   *     `onConnection(error|null)`, `onIdle()`.
   */
  constructor(server, listener) {
    this.#server = server;
    this.#listener = listener;
  }

  /** Whether nothing is left to be sent. */
  get idle() {
    return !this.#running;
  }

  /** Turns to another project. */
  open(timeline) {
    this.#timeline = timeline;
    this.#pictures.clear();
    this.#shown = null;
    this.#preview = null;
    this.kick();
  }

  /** Tells that the timeline changed: what is under way and no longer needed is cancelled. */
  kick() {
    const { kind, step } = this.#job ?? {};
    const unneeded = kind === "edit" ? !this.#timeline.pending.includes(step) : step !== this.#timeline.current;
    if (kind && unneeded) this.#job.abort.abort();
    this.#wake?.();
    this.#run();
  }

  /** Asks for the picture of a state under way; only the newest one counts. */
  preview(preview) {
    const since = Math.min(preview.since, this.#preview?.since ?? Infinity); // the oldest event that no picture shows yet
    this.#preview = { ...preview, since };
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#takeNewest(), REST);
    this.#run();
  }

  #takeNewest() {
    if (!this.#preview || this.#job?.kind !== "preview") return;
    this.#preview.since = Math.min(this.#preview.since, this.#job.since);
    this.#job.abort.abort();
  }

  /** Ends the preview; what it showed stays until something else is shown. */
  endPreview() {
    this.#preview = null;
    clearTimeout(this.#rest);
    if (this.#job?.kind === "preview") this.#job.abort.abort();
  }

  /** Shows the present step again, after a preview that came to nothing. */
  showAgain() {
    this.#shown = null;
    this.kick();
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    try {
      let wait = FIRST_WAIT;
      for (let job = await this.#next(); job; job = await this.#next()) {
        const failure = await this.#attempt(job);
        if (failure) await this.#pause(1000 * failure.seconds || wait);
        wait = failure ? Math.min(2 * wait, LONGEST_WAIT) : FIRST_WAIT;
      }
    } finally {
      this.#running = false;
    }
    this.#listener.onIdle();
  }

  /** Runs a job; gives the failure after which it is to be tried again later. */
  async #attempt(job) {
    this.#job = { kind: job.kind, step: job.step, since: job.since, abort: new AbortController() };
    try {
      await job.run(this.#job.abort.signal);
      this.#listener.onConnection(null);
      return null;
    } catch (error) {
      if (error.name === "AbortError") return null;
      if (error instanceof Refused) {
        this.#listener.onConnection(null);
        job.refused(error);
        return null;
      }
      if (!(error instanceof Unavailable)) throw error;
      this.#listener.onConnection(error);
      return job.kind === "preview" ? null : error; // a preview is not worth waiting for
    } finally {
      this.#job = null;
    }
  }

  async #next() {
    const timeline = this.#timeline;
    const [step] = timeline.pending;
    if (step) return this.#editJob(timeline, step);
    const { current } = timeline;
    if (this.#shown !== current.serial) {
      const scene = await Scene.read(await timeline.documentOf(current));
      if (timeline !== this.#timeline || current !== timeline.current) return this.#next();
      this.#shown = current.serial;
      if (!this.#preview) this.#listener.onScene(current, scene);
      const picture = this.#pictures.get(current.serial);
      if (picture && !this.#preview) this.#listener.onPicture(current, picture);
    }
    if (this.#preview) return this.#previewJob(timeline, this.#preview);
    return this.#pictures.has(current.serial) ? null : this.#pictureJob(timeline, current);
  }

  #editJob(timeline, step) {
    const base = timeline.steps[timeline.steps.indexOf(step) - 1];
    const last = step === timeline.current;
    const run = async (signal) => {
      const before = await timeline.documentOf(base);
      const operations = timeline.operationsOf(step);
      const answer = await this.#server.post("api/scenes/edit", this.#request(before, operations, last), { signal });
      const picture = last ? await pictureOf(answer) : null;
      const scene = await Scene.read(answer.scene);
      const kept = await this.#listener.onConfirmed(step, before, scene);
      if (!picture || timeline !== this.#timeline) return;
      this.#remember(step, picture);
      if (step !== timeline.current) return;
      this.#shown = step.serial;
      this.#listener.onScene(step, kept);
      this.#listener.onPicture(step, picture);
    };
    const refused = ({ message }) => {
      timeline.discard(step);
      this.#shown = null;
      this.#listener.onRefused(step, message);
    };
    return { kind: "edit", step, run, refused };
  }

  #pictureJob(timeline, step) {
    const run = async (signal) => {
      const scene = await timeline.documentOf(step);
      const { format } = this.#request(scene, [], true);
      const blob = await this.#server.post("api/scenes/picture", { scene, format }, { signal, as: "blob" });
      const picture = await createImageBitmap(blob);
      this.#remember(step, picture);
      if (timeline === this.#timeline && step === timeline.current) this.#listener.onPicture(step, picture);
    };
    const refused = ({ message }) => {
      this.#pictures.set(step.serial, null); // it would be refused again
      this.#listener.onRefused(null, message);
    };
    return { kind: "picture", step, run, refused };
  }

  #previewJob(timeline, preview) {
    this.#preview = null;
    const run = async (signal) => {
      const scene = await timeline.documentOf(timeline.current);
      const request = this.#request(scene, preview.operations, true);
      const answer = await this.#server.post("api/scenes/edit", request, { signal });
      const [read, picture] = await Promise.all([Scene.read(answer.scene), pictureOf(answer)]);
      if (!signal.aborted) this.#listener.onPreview(read, picture, preview);
    };
    return { kind: "preview", step: timeline.current, since: preview.since, run, refused: () => {} };
  }

  #request(scene, operations, picture) {
    const format = scene.height * scene.width > LOSSLESS ? "webp" : "png";
    return { scene, operations, format: picture ? format : null };
  }

  #remember(step, picture) {
    this.#pictures.delete(step.serial);
    this.#pictures.set(step.serial, picture);
    if (this.#pictures.size > PICTURES) this.#pictures.delete(this.#pictures.keys().next().value);
  }

  #pause(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

const pictureOf = ({ picture, media_type: type }) => createImageBitmap(new Blob([fromBase64(picture)], { type }));
