// The path of a brush. Where a pen presses, the width follows it and the stroke becomes a bitmap.

import { maskArea } from "./outlines.js";
import { bitmapDocument } from "./packing.js";
import { pair } from "./painting.js";

const NEAREST = 0.25; // scene pixels between points
const LIGHTEST = 0.15; // of the radius, at no pressure

/** A stroke under way. */
export class Stroke {
  /** @param {number} radius in scene pixels @param {boolean} pressed whether pressure scales it */
  constructor(radius, pressed) {
    this.radius = radius;
    this.pressed = pressed;
    this.points = [];
    this.radii = [];
  }

  /** Adds a point; gives whether it was far enough from the last one. */
  add(point, pressure) {
    const next = pair(point);
    const last = this.points.at(-1);
    if (last && Math.hypot(next[0] - last[0], next[1] - last[1]) < NEAREST) return false;
    this.points.push(next);
    this.radii.push(this.pressed && pressure !== null ? this.radius * (LIGHTEST + (1 - LIGHTEST) * pressure) : this.radius);
    return true;
  }

  get varies() {
    return this.radii.some((radius) => radius !== this.radius);
  }

  /** The mask as it is drawn before the server answers. */
  rough(scene) {
    if (!this.varies) return { kind: "brush", points: this.points, radius: this.radius };
    return { kind: "bitmap", area: maskArea(rasterised(this, scene)) };
  }

  /** The mask document. @returns {Promise<object>} */
  async document(scene) {
    const { points, radius } = this;
    return this.varies ? bitmapDocument(rasterised(this, scene)) : { kind: "brush", points: [...points], radius };
  }
}

/** Discs along the path, from point to point as thick as there. */
function rasterised({ points, radii }, { height, width }) {
  const bits = new Uint8Array(height * width);
  for (let at = 0; at < points.length; at++) {
    const [fromY, fromX] = points[Math.max(0, at - 1)];
    const [toY, toX] = points[at];
    const before = radii[Math.max(0, at - 1)];
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(toY - fromY, toX - fromX)));
    for (let step = 1; step <= steps; step++) {
      const share = step / steps;
      disc(bits, height, width, fromY + share * (toY - fromY), fromX + share * (toX - fromX), before + share * (radii[at] - before));
    }
  }
  return { top: 0, left: 0, height, width, bits };
}

function disc(bits, height, width, y, x, radius) {
  for (let row = Math.max(0, Math.ceil(y - radius)); row <= Math.min(height - 1, Math.floor(y + radius)); row++) {
    const reach = Math.sqrt(radius * radius - (row - y) ** 2);
    const start = Math.max(0, Math.ceil(x - reach));
    const end = Math.min(width - 1, Math.floor(x + reach));
    if (start <= end) bits.fill(1, row * width + start, row * width + end + 1);
  }
}
