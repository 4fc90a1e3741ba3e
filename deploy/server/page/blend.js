// A look between two, by a slider.

import { byId, fillSelect } from "./elements.js";
import { blended, lookStep } from "./looks.js";

const NOW = "now";
const LABEL = "Blend";

/** @param {object} editor */
export function wireBlend({ store, session }) {
  const [from, to, share] = [byId("blend-from"), byId("blend-to"), byId("blend-share")];
  let base = null; // {id, row}: the object as it looked before

  store.watch(["scene", "selected", "styles"], () => {
    const { scene, selected, styles, pictured } = store.state;
    if (!scene?.has(selected)) {
      base = null;
      return;
    }
    const blending = base?.id === selected && (pictured || session.timeline.current.label.startsWith(LABEL));
    if (!blending) {
      base = { id: selected, row: scene.styles[selected] };
      share.value = 0;
    }
    const looks = styles.get(scene.classes[selected]) ?? [];
    const options = [[NOW, "Now"], ...looks.map(({ number }) => [number, String(number + 1)])];
    const fresh = !to.options.length || to.dataset.of !== String(scene.classes[selected]);
    to.dataset.of = scene.classes[selected];
    fillSelect(from, options, fresh ? NOW : from.value);
    fillSelect(to, options, fresh ? (looks[0]?.number ?? NOW) : to.value);
    showPictures();
  });
  store.watch(["thumbnails"], () => showPictures());

  const rowOf = (select) => {
    if (select.value === NOW) return base.row;
    return store.state.styles.get(store.state.scene.classes[base.id]).find(({ number }) => number === Number(select.value)).vector;
  };
  const step = () => lookStep(store.state, blended(rowOf(from), rowOf(to), share.value / 100), `${LABEL} ${share.value} %`);

  share.addEventListener("input", (event) => {
    share.setAttribute("aria-valuetext", `${share.value} %`);
    const made = base && step();
    if (made) session.preview({ operations: made.operations, since: event.timeStamp, points: 0 });
  });
  share.addEventListener("change", () => {
    const made = base && step();
    if (made) session.commit(made);
  });
  for (const each of [from, to]) {
    each.addEventListener("change", () => {
      showPictures();
      if (Number(share.value) > 0 && base) session.commit(step());
    });
  }

  /** The thumbnails of the chosen looks, from the panel. */
  function showPictures() {
    for (const select of [from, to]) {
      const source = document.querySelector(`#thumbnails [data-number="${select.value}"] canvas`);
      const image = select.parentElement.querySelector("canvas");
      image.hidden = !source;
      if (!source) continue;
      Object.assign(image, { width: source.width, height: source.height });
      image.getContext("2d").drawImage(source, 0, 0);
    }
  }
}
