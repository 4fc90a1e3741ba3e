// Moves the view.

/** @param {object} editor */
export function handTool() {
  return { name: "hand", hint: () => null, down: ({ pan }) => pan() };
}
