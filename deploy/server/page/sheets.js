// On a narrow page the panels are sheets below the scene, one at a time.

import { byId } from "./elements.js";

/** @param {object} editor */
export function wireSheets({ store }) {
  const buttons = byId("sheets").querySelectorAll("[data-sheet]");
  for (const each of buttons) {
    each.addEventListener("click", () => store.update({ sheet: store.state.sheet === each.dataset.sheet ? null : each.dataset.sheet }));
  }
  store.watch(["sheet"], () => {
    document.body.dataset.sheet = store.state.sheet ?? "";
    for (const each of buttons) each.setAttribute("aria-pressed", String(each.dataset.sheet === store.state.sheet));
  });
}
