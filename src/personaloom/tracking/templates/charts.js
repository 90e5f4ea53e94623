// The few charts of the report, as plain elements: bars with their number in words beside them.
const bars = (rows) => {
  // rows: [label, [[width, class], …], text]; widths are shares of the longest bar.
  const most = Math.max(...rows.map(([, parts]) => parts.reduce((sum, [size]) => sum + (size || 0), 0)), 1e-9);
  return h("div", { class: "bars" }, rows.map(([label, parts, text]) => h("div", { class: "bar" },
    h("span", { class: "label" }, label),
    h("span", { class: "track", "aria-hidden": "true" }, parts.map(([size, kind]) => h("i", { class: kind, style: { width: `${(100 * (size || 0)) / most}%` } }))),
    h("span", { class: "value" }, text),
  )));
};
const key = (...entries) => h("p", { class: "key" }, entries.map(([kind, text]) => h("span", {}, h("i", { class: kind }), text)));
const columns = (pairs, label) => {
  // pairs: [[x, y], …] in order; every column carries its number, thinned out where there are many.
  const most = Math.max(...pairs.map(([, y]) => y), 1);
  const every = Math.ceil(pairs.length / 16);
  return h("figure", { role: "img", "aria-label": `${label}: ${pairs.map(([x, y]) => `${x}: ${y}`).join(", ")}` },
    h("div", { class: "columns" }, pairs.map(([x, y], i) => h("div", { title: `${x}: ${count(y)}` }, i % every === 0 && pairs.length <= 24 ? count(y) : "", h("i", { style: { height: `${(82 * y) / most}%` } })))),
    h("div", { class: "ticks", "aria-hidden": "true" }, pairs.map(([x], i) => h("span", {}, i % every === 0 ? String(x) : ""))));
};
const table = (heads, rows, numeric = []) => {
  const kind = (i) => (numeric.includes(i) ? "n" : null);
  return h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, heads.map((head, i) => h("th", { scope: "col", class: kind(i) }, parted(head))))),
    h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell, i) => (i === 0 ? h("th", { scope: "row" }, cell) : h("td", { class: kind(i) }, cell))))))));
};
