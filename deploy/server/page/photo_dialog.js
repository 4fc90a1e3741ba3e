// A look from a photo: choose it, drag a rectangle over a part of it, send that part to the encoder.

import { byId, openDialog, tellError } from "./elements.js";
import { lookStep } from "./looks.js";

const LARGEST = 640; // pixels of the part that is sent, at its longer side
const SMALLEST = 8; // pixels of the rectangle
const VIEW = 720; // pixels of the canvas, at the photo's longer side

/** @param {object} editor */
export function wirePhotoDialog({ store, session, server }) {
  const dialog = byId("photo");
  const canvas = byId("photo-canvas");
  const apply = byId("photo-apply");
  const context = canvas.getContext("2d");
  let photo = null;
  let box = null; // {left, top, width, height} in pixels of the canvas
  let start = null;

  byId("from-photo").addEventListener("click", () => {
    tellError(dialog, null);
    openDialog(dialog);
  });
  byId("photo-file").addEventListener("change", (event) => read(event.target.files[0]));
  dialog.addEventListener("dragover", (event) => event.preventDefault());
  dialog.addEventListener("drop", (event) => {
    event.preventDefault();
    read(event.dataTransfer.files[0]);
  });

  async function read(file) {
    if (!file) return;
    try {
      photo = await createImageBitmap(file);
    } catch {
      return tellError(dialog, new Error(`“${file.name}” is not a picture that this browser can read: PNG, JPEG or WebP is.`));
    }
    tellError(dialog, null);
    const scale = Math.min(1, VIEW / Math.max(photo.width, photo.height));
    Object.assign(canvas, { width: Math.max(1, Math.round(photo.width * scale)), height: Math.max(1, Math.round(photo.height * scale)) });
    const [width, height] = [Math.round(canvas.width / 2), Math.round(canvas.height / 2)];
    box = { left: Math.round(width / 2), top: Math.round(height / 2), width, height };
    apply.disabled = false;
    canvas.hidden = false;
    draw();
  }

  function draw() {
    const { width, height } = canvas;
    context.drawImage(photo, 0, 0, width, height);
    context.fillStyle = "rgb(10 12 16 / 58%)";
    context.beginPath();
    context.rect(0, 0, width, height);
    context.rect(box.left, box.top, box.width, box.height);
    context.fill("evenodd");
    context.strokeStyle = "#ffd34d";
    context.lineWidth = 2 * (width / Math.max(1, canvas.clientWidth || width));
    context.strokeRect(box.left, box.top, box.width, box.height);
  }

  const within = (value, end) => Math.min(end, Math.max(0, Math.round(value)));
  const place = (event) => {
    const area = canvas.getBoundingClientRect();
    return {
      x: within(((event.clientX - area.left) * canvas.width) / area.width, canvas.width),
      y: within(((event.clientY - area.top) * canvas.height) / area.height, canvas.height),
    };
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    start = place(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!start) return;
    const { x, y } = place(event);
    const [width, height] = [Math.abs(x - start.x), Math.abs(y - start.y)];
    if (Math.min(width, height) < SMALLEST) return;
    box = { left: Math.min(x, start.x), top: Math.min(y, start.y), width, height };
    draw();
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (start = null));
  canvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!by) return;
    event.preventDefault();
    const [right, down] = by.map((each) => 8 * each);
    if (event.shiftKey) {
      box.width = Math.min(canvas.width - box.left, Math.max(SMALLEST, box.width + right));
      box.height = Math.min(canvas.height - box.top, Math.max(SMALLEST, box.height + down));
    } else {
      box.left = Math.min(canvas.width - box.width, Math.max(0, box.left + right));
      box.top = Math.min(canvas.height - box.height, Math.max(0, box.top + down));
    }
    draw();
  });

  /** The part of the photo inside the rectangle, as PNG. */
  async function part() {
    const scale = photo.width / canvas.width;
    const [left, top, width, height] = [box.left, box.top, box.width, box.height].map((each) => each * scale);
    const shrink = Math.min(1, LARGEST / Math.max(width, height));
    const cut = new OffscreenCanvas(Math.max(1, Math.round(width * shrink)), Math.max(1, Math.round(height * shrink)));
    cut.getContext("2d").drawImage(photo, left, top, width, height, 0, 0, cut.width, cut.height);
    return cut.convertToBlob({ type: "image/png" });
  }

  apply.addEventListener("click", async () => {
    apply.disabled = true;
    try {
      const { styles } = await server.send("api/styles/photo", { photo: await part() });
      const step = lookStep(store.state, styles[0].vector, "Look of a photo");
      if (step) session.commit(step);
      dialog.close();
    } catch (error) {
      tellError(dialog, error);
    } finally {
      apply.disabled = false;
    }
  });
}
