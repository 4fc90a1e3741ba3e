// What the server tells of its model.

import { Unavailable } from "./server.js";

const WAIT = 1500; // ms

/** Loads the model's classes, looks, samples and shapes; waits for a server that is not there yet. */
export async function loadModel(editor) {
  const { store, server } = editor;
  for (;;) {
    try {
      const [bundle, styles, samples, gallery] = await Promise.all(
        ["bundle", "styles", "samples", "gallery"].map((each) => server.json(`api/${each}`)),
      );
      if (!bundle.classes.length) throw new Error("This model paints pictures of pictures; the editor needs one that paints label maps.");
      const { paintClass } = store.state;
      store.update({
        bundle, samples, gallery, connection: null,
        styles: new Map(styles.map((each) => [each.class, each.styles])),
        paintClass: store.state.bundle ? Math.min(paintClass, bundle.classes.length - 1) : firstClass(bundle),
      }); // prettier-ignore
      return;
    } catch (error) {
      if (!(error instanceof Unavailable)) {
        store.update({ trouble: error.message });
        throw error;
      }
      store.update({ connection: error });
      await new Promise((resolve) => setTimeout(resolve, WAIT));
    }
  }
}

/** Asks again after the server was away: it may serve another model. */
export function watchModel(editor) {
  const { store, server } = editor;
  let lost = false;
  store.watch(["connection"], async () => {
    const back = lost && !store.state.connection;
    lost = Boolean(store.state.connection);
    if (!back) return;
    const bundle = await server.json("api/bundle").catch(() => null);
    if (!bundle || bundle.model === store.state.bundle.model) return;
    await loadModel(editor);
    store.update({ message: "The server has another version of the model now." });
  });
}

/** Something to draw, as a car, rather than a background. */
function firstClass({ classes }) {
  const objects = classes.filter((each) => each.has_instances);
  return (objects.find(({ name }) => name === "car") ?? objects[0] ?? classes[0]).index;
}
