// Asks for the token of a server that wants one.

import { byId, openDialog } from "./elements.js";

/** @param {boolean} refused whether a token was refused before @returns {Promise<string>} */
export function askForToken(refused) {
  const dialog = byId("token");
  const input = byId("token-input");
  dialog.dataset.firm = "yes";
  dialog.querySelector(".error").hidden = !refused;
  dialog.oncancel = (event) => event.preventDefault();
  input.value = "";
  openDialog(dialog);
  return new Promise((resolve) => {
    dialog.querySelector("form").onsubmit = () => resolve(input.value.trim());
  });
}
