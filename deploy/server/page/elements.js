// Small words for the document.

/** @param {string} id @returns {HTMLElement} */
export const byId = (id) => document.getElementById(id);

/** Makes an element. @param {string} tag @param {object} properties `dataset` too @param {...(Node|string)} children */
export function make(tag, { dataset = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

/** Colours a swatch. @param {HTMLElement} element @param {[number, number, number]|undefined} colour */
export function paintSwatch(element, colour) {
  element.style.background = colour ? `rgb(${colour.join(" ")})` : "transparent";
}

/** A picture's bytes, drawn. @param {Blob} blob @returns {Promise<HTMLCanvasElement>} */
export async function drawnPicture(blob) {
  const picture = await createImageBitmap(blob);
  const canvas = make("canvas", { width: picture.width, height: picture.height });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return canvas;
}

/** Options of a select, each a value and a text; keeps the chosen one where it is still there. */
export function fillSelect(select, options, chosen = select.value) {
  select.replaceChildren(...options.map(([value, text]) => make("option", { value: String(value), textContent: text })));
  select.value = options.some(([value]) => String(value) === String(chosen)) ? String(chosen) : String(options[0]?.[0] ?? "");
}

/** Checks the radio button of a value. */
export function checkRadio(name, value) {
  for (const each of document.querySelectorAll(`input[name="${name}"]`)) each.checked = each.value === String(value);
}

/** Calls with the value of the radio button that a person chooses. */
export function onRadio(name, listener) {
  for (const each of document.querySelectorAll(`input[name="${name}"]`)) {
    each.addEventListener("change", () => each.checked && listener(each.value));
  }
}

/** Offers a file to be saved. @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

/** Opens a dialog; its buttons with `data-close`, and a press beside it, close it. @param {HTMLDialogElement} dialog */
export function openDialog(dialog) {
  if (!dialog.dataset.ready) {
    dialog.dataset.ready = "yes";
    for (const each of dialog.querySelectorAll("[data-close]")) each.addEventListener("click", () => dialog.close());
    dialog.addEventListener("pointerdown", (event) => event.target === dialog && !dialog.dataset.firm && dialog.close());
  }
  if (!dialog.open) dialog.showModal();
}

/** Tells of an error inside a dialog, or with null of none. */
export function tellError(dialog, error) {
  const place = dialog.querySelector(".error");
  place.hidden = !error;
  place.textContent = error?.message ?? "";
}
