// All tools, by name.

import { brushTool } from "./brush.js";
import { eraserTool } from "./eraser.js";
import { fillTool } from "./fill.js";
import { handTool } from "./hand.js";
import { lassoTool } from "./lasso.js";
import { placeTool } from "./place.js";
import { polygonTool } from "./polygon.js";
import { selectTool } from "./select.js";

/** @param {object} editor @returns {Object<string, object>} */
export function makeTools(editor) {
  const makers = [brushTool, eraserTool, fillTool, handTool, lassoTool, placeTool, polygonTool, selectTool];
  return Object.fromEntries(makers.map((make) => make(editor)).map((tool) => [tool.name, tool]));
}
