/* An equation that is wider than the page scrolls. Its right edge fades while there is more of it. */
"use strict";

window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  const mark = (equation) => {
    const hidden = equation.scrollWidth - equation.clientWidth - equation.scrollLeft;
    equation.classList.toggle("goes-on", hidden > 2);
  };
  const sizes = new ResizeObserver((entries) => entries.forEach((entry) => mark(entry.target)));
  for (const equation of document.querySelectorAll("div.math mjx-container")) {
    equation.addEventListener("scroll", () => mark(equation), { passive: true });
    sizes.observe(equation);
  }
});
