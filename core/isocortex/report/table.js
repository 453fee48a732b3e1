"use strict";
/* Tables: a click on a header sorts (missing numbers last), a search box hides rows. */
iso.sortable = (home) => {
  const [table, body] = [home.querySelector("table"), home.querySelector("tbody")];
  const rows = [...body.rows];
  const headers = [...table.tHead.rows[0].cells];
  const content = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.number === undefined ? cell.textContent : Number(cell.dataset.number === "nan" ? NaN : cell.dataset.number.replace("inf", "Infinity"));
  };
  const compare = (first, second) => {
    if (typeof first !== "number" || typeof second !== "number") return String(first).localeCompare(String(second), "en", { numeric: true });
    return first - second;
  };
  const sort = (column, way) => {
    const missing = (row) => Number.isNaN(content(row, column));
    const sorted = [...rows].sort((a, b) => missing(a) - missing(b) || (missing(a) ? 0 : way * compare(content(a, column), content(b, column))));
    body.append(...sorted);
  };
  headers.forEach((header, column) => {
    if (header.classList.contains("plain") || rows.length < 2) return;
    const button = iso.element("button", { type: "button", title: "Sort" }, header.textContent);
    header.replaceChildren(button);
    button.addEventListener("click", () => {
      const way = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
      sort(column, way);
    });
  });
  if (rows.length < 9) return;
  const search = iso.element("input", { type: "search", className: "search", placeholder: "Search these rows", ariaLabel: "Search these rows" });
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row) => { row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word)); });
  });
  home.querySelector(".scroll").before(search);
};
document.querySelectorAll("[data-table]").forEach(iso.sortable);
