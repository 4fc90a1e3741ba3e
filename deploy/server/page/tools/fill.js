// Gives the connected part of an object under the pointer to another one.

import { paintLabel, paintStep, pixelAt, targetOf } from "../painting.js";

/** @param {object} editor */
export function fillTool({ store, session }) {
  return {
    name: "fill",
    hint: () => paintLabel(store.state).replace(/^(Paint|New)/, "Fill with"),
    down({ point }) {
      const { state } = store;
      const pixel = pixelAt(state.scene, point);
      if (!pixel) return;
      const found = state.scene.idAt(...pixel);
      const { has_instances: numbered, name } = state.bundle.classes[state.paintClass];
      if (found === targetOf(state) || (!numbered && state.scene.classes[found] === state.paintClass)) {
        store.update({ message: `This is ${name} already` });
        return;
      }
      session.commit(paintStep(state, { kind: "connected", point: pixel }, `Fill with ${name}`));
    },
  };
}
