// Distributions as small multiples: one small chart a dataset, all of a kind on one scale.
const asNames = (categories, values, most, kind) =>
  h("div", { class: "names" }, categories.map((name, i) => h("div", {}, h("span", {}, words(name)), h("i", { style: { width: `${(100 * values[i]) / most}%` } }), h("span", {}, kind === "dollars" ? dollars(values[i]) : count(values[i])))));
const asColumns = (categories, values, most, label) => {
  const every = Math.ceil(categories.length / 6);
  return h("div", { role: "img", "aria-label": `${label}: ${categories.map((name, i) => `${name}: ${values[i]}`).join(", ")}` },
    h("div", { class: "columns" }, values.map((value, i) => h("div", { title: `from ${categories[i]}: ${count(value)}` }, h("i", { style: { height: `${(100 * value) / most}%` } })))),
    h("div", { class: "ticks", "aria-hidden": "true" }, categories.map((name, i) => h("span", {}, i % every === 0 ? name : ""))));
};
const spreadPage = () => {
  const { distributions, members } = index.result;
  const multiple = ({ title, kind, categories, series }) => {
    const most = Math.max(...Object.values(series).flat(), 1e-9);
    const numeric = categories.every((name) => /^-?[\d.]+$/.test(name));
    return section(title, h("p", { class: "note" }, `${kind}; one scale for all`), h("div", { class: "multiples" }, members.map(({ label }) => h("figure", {}, h("figcaption", {}, label), numeric ? asColumns(categories, series[label], most, `${title}, ${label}`) : asNames(categories, series[label], most, kind)))));
  };
  return page(distributions.length ? distributions.map(multiple) : none("There is nothing to show."));
};
