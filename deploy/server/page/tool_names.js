// The tools by what they do.

/** Whether a tool paints a class. @param {string} tool */
export const isPainting = (tool) => ["brush", "fill", "polygon", "lasso"].includes(tool);
