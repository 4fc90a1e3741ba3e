// A scene document, read: the object of each pixel, and the class and the style of each object.

import { deflate, fromBase64, inflate, toBase64 } from "./packing.js";

/** A scene as the server gives it. It is never changed: an edit makes another one. */
export class Scene {
  /** @param {object} document as the API describes it. @returns {Promise<Scene>} */
  static async read(document) {
    const bytes = await inflate(fromBase64(document.instance));
    const expected = 2 * document.height * document.width;
    if (bytes.length !== expected) throw new Error(`The scene has ${bytes.length} bytes of ids instead of ${expected}.`);
    return new Scene(document, new Uint16Array(bytes.buffer));
  }

  /** @param {object} document @param {Uint16Array} ids row by row */
  constructor(document, ids) {
    this.document = document;
    this.ids = ids;
    this.height = document.height;
    this.width = document.width;
    this.classes = document.classes;
    this.styles = document.styles;
    this.boxes = boxesOf(this);
  }

  /** The object at a pixel, -1 outside. */
  idAt(y, x) {
    const inside = y >= 0 && x >= 0 && y < this.height && x < this.width;
    return inside ? this.ids[Math.floor(y) * this.width + Math.floor(x)] : -1;
  }

  /** Whether an object has a pixel. */
  has(id) {
    return id !== null && id < this.boxes.length && this.boxes[id].area > 0;
  }

  /** The objects that have pixels. */
  objects() {
    return this.boxes.flatMap((box, id) => (box.area ? [id] : []));
  }

  /** The objects of a class that have pixels. */
  objectsOf(classIndex) {
    return this.objects().filter((id) => this.classes[id] === classIndex);
  }

  /** The pixels of an object within its box. */
  mask(id) {
    const { top, left, height, width } = this.boxes[id];
    const bits = new Uint8Array(height * width);
    for (let y = 0; y < height; y++) {
      const row = (top + y) * this.width + left;
      for (let x = 0; x < width; x++) bits[y * width + x] = this.ids[row + x] === id ? 1 : 0;
    }
    return { top, left, height, width, bits };
  }

  /** What a person calls an object: the class, numbered where the class has instances. */
  name(id, classes) {
    const index = this.classes[id];
    const { name, has_instances: numbered } = classes[index];
    if (!numbered) return name;
    return `${name} ${this.classes.slice(0, id + 1).filter((each) => each === index).length}`;
  }

  /**
   * Drops the rows of objects without pixels, so that the server's limit of objects is not met.
   *
   * @returns {Promise<{scene: Scene, renamed: Map<number, number>}>} the new id of each object by the old one.
   */
  async compacted() {
    const kept = this.objects();
    const renamed = new Map(kept.map((id, index) => [id, index]));
    const ids = this.ids.map((id) => renamed.get(id));
    const document = {
      ...this.document,
      instance: toBase64(await deflate(new Uint8Array(ids.buffer))),
      classes: kept.map((id) => this.classes[id]),
      styles: kept.map((id) => this.styles[id]),
    };
    return { scene: new Scene(document, ids), renamed };
  }
}

function boxesOf({ ids, height, width, classes }) {
  const boxes = classes.map(() => ({ top: height, left: width, bottom: 0, right: 0, area: 0 }));
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const box = boxes[ids[at]];
      box.area++;
      if (y < box.top) box.top = y;
      if (y >= box.bottom) box.bottom = y + 1;
      if (x < box.left) box.left = x;
      if (x >= box.right) box.right = x + 1;
    }
  }
  for (const box of boxes) {
    box.height = Math.max(0, box.bottom - box.top);
    box.width = Math.max(0, box.right - box.left);
  }
  return boxes;
}
