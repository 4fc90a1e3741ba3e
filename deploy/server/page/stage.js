// Around the canvas: the divider, the name under the pointer, zoom, banners and the line of status.

import { byId } from "./elements.js";
import { pixelAt } from "./painting.js";

const LONG = 6000; // ms that a message stays

/** @param {object} editor */
export function wireStage({ store, session, viewport, canvas, tool }) {
  wireDivider(store, viewport);
  wireCorner(store, viewport);
  wireBanners(store, session);
  wireStatus(store);

  let last = [null, null];
  store.watch(["scene"], () => last[0] && hover(...last)); // another object may lie there now

  /** Shows what is under a point, null for nothing. */
  function hover(point, place = null) {
    last = [point, place];
    const { scene, bundle, hovered } = store.state;
    const tip = byId("pointer-name");
    const pixel = point && scene ? pixelAt(scene, point) : null;
    const id = pixel ? scene.idAt(...pixel) : null;
    tool()?.hover?.(point, place);
    if (id !== hovered) store.update({ hovered: id });
    byId("where").textContent = pixel ? `${scene.name(id, bundle.classes)} · x ${pixel[1]}, y ${pixel[0]}` : "";
    tip.hidden = !pixel || !place;
    if (tip.hidden) return;
    const name = scene.name(id, bundle.classes);
    const hint = tool()?.hint?.(point);
    tip.textContent = !hint ? name : hint.endsWith(name) ? hint : `${name} → ${hint}`;
    const room = viewport.width - tip.offsetWidth - 8;
    tip.style.transform = `translate(${Math.max(4, Math.min(room, place.x + 16))}px, ${Math.min(viewport.height - 34, place.y + 20)}px)`;
    canvas.invalidate();
  }
  return hover;
}

function wireDivider(store, viewport) {
  const divider = byId("divider");
  const turn = (split) => store.update({ view: { ...store.state.view, split: Math.min(1, Math.max(0, split)) } });

  divider.addEventListener("pointerdown", (event) => divider.setPointerCapture(event.pointerId));
  divider.addEventListener("pointermove", (event) => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const { x } = viewport.toScene(event.clientX - byId("view").getBoundingClientRect().left, 0);
    turn((x + 0.5) / store.state.scene.width);
  });
  divider.addEventListener("keydown", (event) => {
    const { split } = store.state.view;
    const to = { ArrowLeft: split - 0.02, ArrowRight: split + 0.02, Home: 0, End: 1, PageUp: split + 0.1, PageDown: split - 0.1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    turn(to);
  });
  store.watch(["view", "scene", "moved"], () => {
    const { view, scene } = store.state;
    divider.hidden = view.mode !== "split" || !scene;
    if (divider.hidden) return;
    const percent = Math.round(100 * view.split);
    divider.setAttribute("aria-valuenow", percent);
    divider.setAttribute("aria-valuetext", `${percent} % labels`);
    const start = viewport.toView({ y: -0.5, x: scene.width * view.split - 0.5 });
    const top = Math.max(0, start.y);
    divider.style.left = `${start.x}px`;
    divider.style.top = `${top}px`;
    divider.style.height = `${Math.min(viewport.height, start.y + scene.height * viewport.scale) - top}px`;
  });
}

function wireCorner(store, viewport) {
  byId("zoom-in").addEventListener("click", () => viewport.zoom(1.25));
  byId("zoom-out").addEventListener("click", () => viewport.zoom(0.8));
  byId("zoom-fit").addEventListener("click", () => viewport.fit());
  byId("outlines").addEventListener("click", () => store.update({ outlines: !store.state.outlines }));
  store.watch(["outlines"], () => byId("outlines").setAttribute("aria-pressed", store.state.outlines));
  store.watch(["moved"], () => (byId("zoom-fit").textContent = `${Math.round(100 * viewport.scale)} %`));
  const slider = byId("opacity").querySelector("input");
  slider.addEventListener("input", () => store.update({ view: { ...store.state.view, opacity: slider.value / 100 } }));
  store.watch(["view"], () => {
    byId("opacity").hidden = store.state.view.mode !== "overlay";
    slider.value = Math.round(100 * store.state.view.opacity);
  });
  store.watch(["comparing"], () => (byId("badge").hidden = !store.state.comparing));
}

function wireBanners(store, session) {
  const banner = byId("banner");
  banner.querySelector("button").addEventListener("click", () => session.retry());
  store.watch(["connection", "pending"], () => {
    const { connection, pending } = store.state;
    banner.hidden = !connection;
    if (!connection) return;
    const count = pending.length;
    banner.querySelector("b").textContent = connection.busy ? "The server cannot answer now. " : "The server does not answer. ";
    const edits = count === 1 ? "One edit is" : `${count} edits are`;
    const kept = count ? `${edits} kept here and will be sent` : "Nothing is lost; the picture follows";
    const detail = connection.busy ? ` It says: ${connection.message}` : "";
    const text = `${kept} when it is back.${detail}`;
    if (banner.querySelector("span").textContent !== text) banner.querySelector("span").textContent = text;
  });

  const trouble = byId("trouble");
  trouble.querySelector("button").addEventListener("click", () => store.update({ trouble: null }));
  store.watch(["trouble"], () => {
    trouble.hidden = !store.state.trouble;
    trouble.querySelector("p").textContent = store.state.trouble ?? "";
  });
}

function wireStatus(store) {
  let timer = 0;
  let told = true; // whether the server was there
  store.watch(["message"], () => {
    byId("status").textContent = store.state.message;
    clearTimeout(timer);
    if (store.state.message) timer = setTimeout(() => store.update({ message: "" }), LONG);
  });
  store.watch(["connection"], () => {
    if (!store.state.connection && !told) store.update({ message: "The server is back. All edits are with it." });
    told = !store.state.connection;
  });
  store.watch(["working"], () => byId("view").toggleAttribute("data-working", Boolean(store.state.working)));
}
