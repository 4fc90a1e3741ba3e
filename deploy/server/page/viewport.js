// Where the scene lies in the view: zoom and shift. Points are from the middle of the scene's top left pixel.

const MARGIN = 24; // CSS pixels around a scene that fits
const CLOSEST = 64; // CSS pixels a scene pixel

/** The zoom and the shift of the scene, in CSS pixels of the view. */
export class Viewport {
  #onChange;
  width = 1;
  height = 1;
  scale = 1;
  left = 0;
  top = 0;
  fitted = true;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** Takes the size of the view and of the scene. */
  resize(width, height, scene) {
    Object.assign(this, { width, height });
    if (scene) this.setScene(scene);
    else this.#onChange();
  }

  setScene(scene) {
    const other = this.scene?.width !== scene.width || this.scene?.height !== scene.height;
    this.scene = { width: scene.width, height: scene.height };
    if (this.fitted || other) this.fit();
    else this.#moved();
  }

  /** Shows the whole scene. */
  fit() {
    if (!this.scene) return;
    this.scale = this.#fitting();
    this.left = (this.width - this.scene.width * this.scale) / 2;
    this.top = (this.height - this.scene.height * this.scale) / 2;
    this.fitted = true;
    this.#onChange();
  }

  /** Zooms about a place of the view. */
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const scale = Math.min(CLOSEST, Math.max(this.#fitting() / 2, this.scale * factor));
    this.left = x - ((x - this.left) * scale) / this.scale;
    this.top = y - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.#moved();
  }

  pan(right, down) {
    this.left += right;
    this.top += down;
    this.fitted = false;
    this.#moved();
  }

  /** The point of the scene at a place of the view. */
  toScene(x, y) {
    return { y: (y - this.top) / this.scale - 0.5, x: (x - this.left) / this.scale - 0.5 };
  }

  /** The place in the view of a point of the scene. */
  toView({ y, x }) {
    return { x: (x + 0.5) * this.scale + this.left, y: (y + 0.5) * this.scale + this.top };
  }

  #fitting() {
    const margin = Math.min(MARGIN, this.width / 20);
    return Math.max(
      0.01,
      Math.min((this.width - 2 * margin) / this.scene.width, (this.height - 2 * margin) / this.scene.height),
    );
  }

  /** Keeps a part of the scene in view. */
  #moved() {
    const within = (at, size, view) => Math.min(view - 40, Math.max(40 - size, at));
    this.left = within(this.left, this.scene.width * this.scale, this.width);
    this.top = within(this.top, this.scene.height * this.scale, this.height);
    this.#onChange();
  }
}
