/* A figure enlarges in a dialog: by its button, or by a click on it. Escape closes it. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const dialog = document.createElement("dialog");
  dialog.className = "enlarged";
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn btn-sm";
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  const pane = document.createElement("div");
  pane.className = "pane";
  pane.tabIndex = 0;
  dialog.append(close, pane);
  document.body.append(dialog);

  const enlarge = (figure) => {
    const copies = [...figure.querySelectorAll("img")].map((picture) => picture.cloneNode());
    pane.replaceChildren(...copies);
    dialog.setAttribute("aria-label", figure.querySelector(".caption-number")?.textContent.trim() ?? "Figure");
    pane.setAttribute("role", "group");
    pane.setAttribute("aria-label", "Enlarged figure, scrolls");
    dialog.showModal();
  };
  for (const figure of document.querySelectorAll("article figure")) {
    figure.querySelector("button.enlarge")?.addEventListener("click", () => enlarge(figure));
    for (const picture of figure.querySelectorAll("img")) picture.addEventListener("click", () => enlarge(figure));
  }
});
