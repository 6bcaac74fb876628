document.querySelectorAll("table.sortable").forEach(function (table) {
  var body = table.tBodies[0];
  table.querySelectorAll("th button").forEach(function (button) {
    button.addEventListener("click", function () {
      var head = button.parentElement, column = head.cellIndex;
      var down = head.getAttribute("aria-sort") === "ascending";
      var rows = Array.from(body.rows);
      rows.sort(function (a, b) {
        var x = a.cells[column], y = b.cells[column], order;
        if (x.dataset.v !== undefined && y.dataset.v !== undefined) {
          order = Number(x.dataset.v) - Number(y.dataset.v);
        } else {
          order = x.textContent.localeCompare(y.textContent, undefined, { numeric: true });
        }
        return down ? -order : order;
      });
      table.querySelectorAll("th[aria-sort]").forEach(function (other) {
        other.setAttribute("aria-sort", "none");
      });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows.forEach(function (row) { body.appendChild(row); });
    });
  });
});
