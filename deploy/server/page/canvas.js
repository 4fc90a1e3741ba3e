// Draws the scene: label view, picture view, both beside or over each other, outlines, and what the tool adds.

import { allOutlines, outlineOf } from "./outlines.js";
import { drawOperation } from "./sketches.js";

const SMOOTH_BELOW = 24; // screen pixels a scene pixel; closer, the picture's own pixels are of interest
const POINTING = new Set(["select", "eraser", "fill", "hand"]); // tools that mean the object under the pointer
const labels = new WeakMap(); // scene to its label map as a canvas

/** Draws on the canvas of the stage, a frame at most once. */
export class Canvas {
  #due = false;
  #since = null; // when the pointer did what the next frame shows first

  /**
   * @param {HTMLCanvasElement} element
   * @param {import("./viewport.js").Viewport} viewport
   * @param {{state: object}} store
   * @param {() => object} tool the present one, for what it draws.
   */
  constructor(element, viewport, store, tool) {
    Object.assign(this, { element, viewport, store, tool });
    this.context = element.getContext("2d");
    this.cross = null; // the place of the keyboard's pointer
  }

  /** Draws soon. @param {number|null} since an event's time, whose effect the picture shows for the first time */
  invalidate(since = null) {
    this.#since ??= since;
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#draw();
      if (this.#since !== null) measurePainting(this.#since);
      this.#since = null;
    });
  }

  #draw() {
    const { context, element, viewport } = this;
    const ratio = devicePixelRatio;
    const [width, height] = [Math.round(viewport.width * ratio), Math.round(viewport.height * ratio)];
    if (element.width !== width || element.height !== height) Object.assign(element, { width, height });
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    const { scene } = this.store.state;
    if (!scene) return;
    const { scale, left, top } = viewport;
    context.setTransform(scale * ratio, 0, 0, scale * ratio, left * ratio, top * ratio);
    this.pixel = 1 / scale; // a CSS pixel in scene pixels
    this.#drawShadow(scene);
    this.#drawViews(scene);
    this.#drawOutlines(scene);
    this.tool()?.draw?.(context, this);
    if (this.cross) this.#drawCross(this.cross);
  }

  #drawShadow({ width, height }) {
    this.context.save();
    Object.assign(this.context, { fillStyle: "#888", shadowColor: "rgb(0 0 0 / 35%)", shadowBlur: 28, shadowOffsetY: 6 });
    this.context.fillRect(0, 0, width, height);
    this.context.restore();
  }

  #drawViews(scene) {
    const { mode, split, opacity } = this.store.state.view;
    const whole = [0, 0, scene.width, scene.height];
    const divider = scene.width * split;
    if (mode === "label") this.#within(whole, () => this.#drawLabel(scene));
    if (mode === "picture") this.#within(whole, () => this.#drawPicture(scene));
    if (mode === "split") {
      this.#within([0, 0, divider, scene.height], () => this.#drawLabel(scene));
      this.#within([divider, 0, scene.width - divider, scene.height], () => this.#drawPicture(scene));
    }
    if (mode === "overlay") {
      this.#within(whole, () => {
        this.#drawPicture(scene);
        this.context.globalAlpha = opacity;
        this.#drawLabel(scene, false);
      });
    }
  }

  #within([x, y, width, height], draw) {
    this.context.save();
    this.context.beginPath();
    this.context.rect(x, y, width, height);
    this.context.clip();
    draw();
    this.context.restore();
  }

  #drawLabel(scene, sketches = true) {
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(labelOf(scene, this.store.state.bundle.classes), 0, 0);
    if (sketches && !this.store.state.comparing) this.#drawSketches(1, 0);
  }

  #drawPicture(scene) {
    const { comparing, start, picture, pictured } = this.store.state;
    const image = comparing && start ? start : picture;
    if (!image) {
      this.#drawLabel(scene);
      return;
    }
    this.context.imageSmoothingEnabled = this.viewport.scale * devicePixelRatio < SMOOTH_BELOW;
    this.context.imageSmoothingQuality = "high";
    this.context.drawImage(image, 0, 0, scene.width, scene.height);
    if (!comparing) this.#drawSketches(0.72, pictured?.points ?? 0);
  }

  /** What the server has not answered to yet; of the stroke under way only the part that the picture lacks. */
  #drawSketches(alpha, pictured) {
    const { late, pending } = this.store.state;
    this.context.save();
    this.context.globalAlpha = alpha;
    if (late) {
      for (const step of pending) for (const each of step.operations) drawOperation(this.context, each, this.colourOf(each));
    }
    const stroke = this.tool()?.sketch?.();
    const whole = stroke?.mask.kind === "polygon" ? pictured > 0 : pictured >= (stroke?.mask.points?.length ?? Infinity);
    if (stroke && !whole) drawOperation(this.context, stroke, this.colourOf(stroke), pictured);
    this.context.restore();
  }

  #drawOutlines(scene) {
    const { outlines, hovered, selected, comparing } = this.store.state;
    if (comparing) return;
    if (outlines) this.stroke(allOutlines(scene), [["rgb(0 0 0 / 28%)", 2], ["rgb(255 255 255 / 55%)", 1]]);
    const told = POINTING.has(this.store.state.tool) && scene.has(hovered) && hovered !== selected;
    if (told) this.stroke(outlineOf(scene, hovered), HOVERED);
    if (scene.has(selected)) this.stroke(outlineOf(scene, selected), SELECTED);
  }

  /** Strokes a path with lines of CSS pixels, one over the other. @param {[string, number][]} lines */
  stroke(path, lines, dash = []) {
    this.context.save();
    this.context.lineCap = "square";
    for (const [colour, width] of lines) {
      this.context.strokeStyle = colour;
      this.context.lineWidth = width * this.pixel;
      this.context.setLineDash(dash.map((each) => each * this.pixel));
      this.context.stroke(path);
    }
    this.context.restore();
  }

  /** The colour of what an operation paints. */
  colourOf(operation) {
    const index = operation.do === "erase" ? operation.fill : operation.class;
    const colour = this.store.state.bundle.classes[index]?.colour;
    return colour ? `rgb(${colour.join(" ")})` : "rgb(127 127 127 / 60%)";
  }

  #drawCross({ y, x }) {
    const path = new Path2D();
    const reach = 9 * this.pixel;
    for (const [down, right] of [[0, 1], [1, 0]]) {
      for (const side of [-1, 1]) {
        path.moveTo(x + 0.5 + side * right * reach * 0.35, y + 0.5 + side * down * reach * 0.35);
        path.lineTo(x + 0.5 + side * right * reach * 1.4, y + 0.5 + side * down * reach * 1.4);
      }
    }
    this.stroke(path, [["#000", 4], ["#fff", 2]]);
  }
}

export const HOVERED = [["rgb(0 0 0 / 55%)", 3], ["#fff", 1.5]];
export const SELECTED = [["rgb(0 0 0 / 60%)", 4.5], ["#ffd34d", 2.25]];

function labelOf(scene, classes) {
  if (!labels.has(scene)) labels.set(scene, paintLabel(scene, classes));
  return labels.get(scene);
}

function paintLabel(scene, classes) {
  const canvas = new OffscreenCanvas(scene.width, scene.height);
  const context = canvas.getContext("2d");
  const image = context.createImageData(scene.width, scene.height);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = scene.classes.map((index) => {
    const [red, green, blue] = classes[index]?.colour ?? [0, 0, 0];
    return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  });
  for (let at = 0; at < pixels.length; at++) pixels[at] = colours[scene.ids[at]];
  context.putImageData(image, 0, 0);
  return canvas;
}

/** A task after a frame's callback runs when the frame was painted. */
function measurePainting(since) {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => performance.measure("pointer to picture", { start: since, end: performance.now() });
  channel.port2.postMessage(null);
}
