/* A table that is wider than its place says so, above it. Without this script it scrolls all the same. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const hints = new Map();
  const watched = new ResizeObserver((entries) => {
    for (const scroller of new Set(entries.map((entry) => entry.target.closest(".pst-scrollable-table-container")))) {
      hints.get(scroller).hidden = scroller.scrollWidth <= scroller.clientWidth + 1;
    }
  });
  for (const scroller of document.querySelectorAll(".table-frame > .pst-scrollable-table-container")) {
    const hint = document.createElement("p");
    hint.className = "table-hint";
    hint.textContent = "Scroll the table sideways for more columns.";
    hint.hidden = true;
    scroller.before(hint);
    hints.set(scroller, hint); // a leaderboard puts its filter in between
    watched.observe(scroller);
    watched.observe(scroller.querySelector("table"));
  }
});
