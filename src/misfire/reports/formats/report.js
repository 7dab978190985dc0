// Sorts a table by the column whose heading is clicked. The first click sorts numbers in descending and texts in ascending order.
// Undefined values stay last.
"use strict";
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, index) => {
    heading.querySelector("button").addEventListener("click", () => {
      const numeric = !["text", "time", "flag"].includes(heading.className);
      const before = heading.getAttribute("aria-sort");
      const downwards = before ? before === "ascending" : numeric;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", downwards ? "descending" : "ascending");
      const key = (row) => row.cells[index].dataset.value;
      const number = (text) => (text === "inf" ? Infinity : Number(text));
      const compare = numeric ? (a, b) => (a === b ? 0 : number(a) - number(b)) : (a, b) => a.localeCompare(b);
      const rows = [...body.rows].sort((one, two) => {
        const a = key(one);
        const b = key(two);
        if (a === "" || b === "") return (a === "") - (b === "");
        return downwards ? compare(b, a) : compare(a, b);
      });
      body.append(...rows);
    });
  });
}
