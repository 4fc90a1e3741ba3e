// What the page knows before anything was loaded.

/** @returns {object} the first state of the store */
export function firstState() {
  return {
    // the model
    bundle: null, styles: new Map(), samples: [], gallery: [],
    // the project
    project: null, scene: null, picture: null, start: null, locks: [], pending: [], late: false, canUndo: false,
    canRedo: false, undoLabel: "", redoLabel: "",
    pictured: null, // the preview that the picture shows, if it shows one
    // what a person does
    tool: "brush", radius: 5, pressure: true, paintClass: 0, target: { kind: "new" }, newStyles: {}, eraseFrom: "under",
    fill: null, corners: 0, placing: null, placingBase: 1, placingScale: 1, selected: null, hovered: null,
    scope: "object", thumbnails: null,
    // the view
    view: { mode: "split", split: 0.5, opacity: 0.5 }, outlines: false, comparing: false, moved: null, sheet: null,
    // what is told
    message: "", trouble: null, connection: null, working: false, saved: null,
  }; // prettier-ignore
}
