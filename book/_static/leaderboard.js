/* A leaderboard sorts by its columns, and shows only the methods that know no more than one allows. Without this script it is a plain table. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const words = (cell) => cell.textContent.replace(/\s+/g, " ").trim();
  /* "2 min" and "30 s" are seconds, "18.92 [18.5, 19.1]" is its first number; NaN where there is none. */
  const number = (text) => {
    const found = /^[−-]?\d[\d,]*\.?\d*/.exec(text);
    if (!found) return NaN;
    const value = Number(found[0].replace("−", "-").replaceAll(",", ""));
    return / min$/.test(text) ? 60 * value : value;
  };
  const element = (name, attributes = {}, ...children) => {
    const made = Object.assign(document.createElement(name), attributes);
    made.append(...children);
    return made;
  };

  const sortable = (headers, body) => {
    const sort = (header, column, direction) => {
      const rows = [...body.rows].map((row) => [row, words(row.cells[column])]);
      const numeric = rows.some(([, text]) => !isNaN(number(text)));
      const sign = direction === "ascending" ? 1 : -1;
      const compare = numeric ? (a, b) => number(a) - number(b) : (a, b) => a.localeCompare(b);
      const blank = (text) => (numeric ? isNaN(number(text)) : text === "–" || text === "");
      /* What has no value stays at the end in both directions. */
      rows.sort(([, a], [, b]) => blank(a) - blank(b) || (blank(a) ? 0 : sign * compare(a, b)));
      body.append(...rows.map(([row]) => row));
      for (const other of headers) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", direction);
    };
    headers.forEach((header, column) => {
      const button = element("button", { type: "button", className: "sort" }, words(header));
      button.addEventListener("click", () =>
        sort(header, column, header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending"),
      );
      header.replaceChildren(button);
    });
  };

  const filterable = (body, knows, periods) => {
    /* How many periods a method is given is a filter of its own. */
    const second = "a second period of the same object";
    const facts = new Map();
    for (const row of body.rows) {
      const text = words(row.cells[knows]);
      const listed = text === "–" || text === "" ? ["printed in the paper"] : text.split(", ");
      facts.set(row, listed.filter((fact) => fact !== "nothing" && fact !== second));
    }
    const kinds = [...new Set([...facts.values()].flat())];
    const boxes = kinds.map((fact) => element("input", { type: "checkbox", checked: true, value: fact }));
    const labels = boxes.map((box) => element("label", {}, box, ` ${box.value} `));
    const select = element("select");
    select.append(...["one or two", "1", "2"].map((count) => element("option", { value: count }, count)));
    const count = element("output", { role: "status" });
    const reset = element("button", { type: "button", className: "btn btn-sm" }, "Show all");
    const apply = () => {
      const allowed = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
      let shown = 0;
      for (const row of body.rows) {
        const given = select.selectedIndex === 0 || words(row.cells[periods]) === select.value;
        row.hidden = !(given && facts.get(row).every((fact) => allowed.has(fact)));
        shown += !row.hidden;
      }
      count.textContent = `${shown} of ${body.rows.length} rows`;
    };
    for (const control of [...boxes, select]) control.addEventListener("change", apply);
    reset.addEventListener("click", () => {
      for (const box of boxes) box.checked = true;
      select.selectedIndex = 0;
      apply();
    });
    apply();
    return element(
      "div",
      { className: "leaderboard-filter" },
      element("fieldset", {}, element("legend", {}, "Show methods that use no more than"), ...labels),
      element("label", {}, "Periods that are denoised together ", select),
      " ",
      reset,
      " ",
      count,
    );
  };

  for (const table of document.querySelectorAll("article table")) {
    const headers = [...(table.tHead?.rows[0]?.cells ?? [])];
    const names = headers.map(words);
    const [knows, periods, snr] = ["It knows", "Periods", "SNR [dB]"].map((name) => names.indexOf(name));
    if (knows < 0 || periods < 0 || snr < 0 || !table.tBodies[0]) continue;
    const controls = filterable(table.tBodies[0], knows, periods);
    sortable(headers, table.tBodies[0]);
    /* As it is written, the best stand first, unless it has several kinds of noise. */
    const values = [...table.tBodies[0].rows].map((row) => number(words(row.cells[snr])));
    if (values.every((value, row) => row === 0 || value <= values[row - 1])) headers[snr].setAttribute("aria-sort", "descending");
    (table.closest(".pst-scrollable-table-container") ?? table).before(controls);
  }
});
