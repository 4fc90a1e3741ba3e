// Light or dark: as the system is, until a person chooses.

import { byId } from "./elements.js";

const KEY = "theme";

/** Follows the system, and the button. @param {() => void} onChange */
export function wireTheme(onChange) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = remembered();

  function show() {
    document.documentElement.dataset.theme = chosen ?? (dark.matches ? "dark" : "light");
    onChange();
  }

  dark.addEventListener("change", show);
  byId("theme").addEventListener("click", () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // It holds until the page is left.
    }
    show();
  });
  show();
}

function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
