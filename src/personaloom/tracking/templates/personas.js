// Who was sampled: what they cover, how far apart they are, and each of them to read.
const personaText = (at) => {
  const p = index.personas;
  return p.rows[at].flatMap((code, column) => (code < 0 ? [] : [`${p.dimensions[column]}=${p.values[column][code]}`])).join(" ").concat(" ", p.ids[at]).toLowerCase();
};
const personaFilter = (query) => {
  // Every word must occur in the persona's id, dimensions or values.
  const asked = query.toLowerCase().split(/\s+/).filter(Boolean);
  const hits = [];
  for (let at = 0; at < index.personas.ids.length; at++) {
    const text = asked.length ? personaText(at) : "";
    if (asked.every((word) => text.includes(word))) hits.push(at);
  }
  return hits;
};
const coverage = () => {
  const p = index.personas;
  const total = p.ids.length;
  return p.dimensions.map((name, column) => {
    const counts = new Array(p.values[column].length).fill(0);
    let have = 0;
    for (const row of p.rows) if (row[column] >= 0) [counts[row[column]]++, have++];
    const sorted = p.values[column].map((value, code) => [value, counts[code]]).sort((a, b) => b[1] - a[1]);
    return { name, have, share: have / total, sorted };
  });
};
const unseen = (name) => index.manifest.personas?.coverage?.unseen?.[name] ?? [];
const coverageTable = () =>
  h("div", { class: "coverage" }, table(["Dimension", "Personas", "Values seen"], coverage().map(({ name, have, sorted }) => [
    words(name),
    percent(have, index.personas.ids.length),
    h("details", {},
      h("summary", {}, `${plural(sorted.length, "value")}${unseen(name).length ? ` of ${sorted.length + unseen(name).length}` : ""} `, h("span", { class: "segments", "aria-hidden": "true" }, sorted.map(([value, n]) => h("i", { style: { flexGrow: n }, title: `${value}: ${n}` })))),
      h("p", { class: "values" }, sorted.map(([value, n]) => `${value} ${count(n)}`).join(" · ")),
      unseen(name).length ? h("p", { class: "values" }, `Never sampled: ${unseen(name).join(" · ")}`) : null),
  ]), [1]));
// The sampler's own figures; its histograms and lists over every dimension are drawn above or left to the manifest.
const isTable = (value) => value && typeof value === "object" && !Array.isArray(value) && (Object.keys(value).length > 12 || Object.keys(value).some((name) => /^\d+$/.test(name)));
const compact = (node) => Object.fromEntries(Object.entries(node ?? {}).filter(([name, value]) => name !== "unseen" && value !== null && !isTable(value) && !Array.isArray(value)).map(([name, value]) => [name, typeof value === "object" ? compact(value) : value]));
const readable = (text) => (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text) ? (Math.abs(text) < 1e15 ? Number(text).toLocaleString("en", { maximumFractionDigits: 6 }) : Number(text).toExponential(2).replace("e+", " × 10^")) : String(text));
const samplerFacts = () => flat(compact(index.manifest.personas)).map(([name, value]) => [words(name).replaceAll(".", " · "), value]);
const personasPage = (selected) => {
  const p = index.personas;
  if (!p.ids.length) return page(section("Personas", none("No personas were sampled yet.")));
  const apart = index.distances;
  const facts = samplerFacts();
  const sections = page(
    section("Personas", personaPanes(selected)),
    apart.compared ? h("div", { class: "two" },
      section("To the nearest other persona", columns(apart.nearest, "personas by distance"), h("p", { class: "note" }, "Personas by the number of dimensions in which the nearest other one differs.")),
      section("Between any two", columns(apart.pairs, "pairs by distance"), h("p", { class: "note" }, `Pairs by the number of dimensions in which they differ; ${fixed(apart.mean)} on average.`, apart.compared < p.ids.length ? ` Both are computed for the first ${count(apart.compared)} personas.` : ""))) : null,
    section("Coverage", h("p", { class: "note" }, "How many personas have a dimension, and how its values are shared among them. Open a row to see the values."), coverageTable()),
    facts.length ? section("As the sampler reports", table(["", ""], facts.map(([name, value]) => [name, readable(value)]))) : null,
  );
  return sections;
};
const personaPanes = (selected) => {
  const p = index.personas;
  const prompts = new Chunks("p", p.starts, p.ids.length);
  const reader = h("article", { class: "reader", tabindex: "0", "aria-live": "polite", "aria-label": "Persona" }, none("Choose a persona."));
  const counter = h("span", { class: "count", role: "status" });
  const panes = h("div", { class: "panes inpage" });
  const read = async (at, opened) => {
    if (opened) panes.classList.add("reading");
    const features = p.rows[at].flatMap((code, column) => (code < 0 ? [] : [h("span", { class: "chip" }, `${words(p.dimensions[column])}: ${p.values[column][code]}`)]));
    const prompt = h("div", { class: "prompt" }, "…");
    reader.replaceChildren(
      h("button", { type: "button", class: "quiet back", onclick: () => panes.classList.remove("reading") }, "← All personas"),
      h("header", {}, h("h2", { class: "mono" }, p.ids[at]), h("p", {}, h("a", { href: `#/conversations?persona=${p.ids[at]}` }, "Its conversations")), h("p", { class: "features" }, features)), prompt);
    reader.scrollTop = 0;
    prompt.textContent = (await prompts.get(at)) || "No system prompt was written for this persona.";
  };
  const list = new VirtualList({
    label: "Personas",
    draw: (at) => [h("p", {}, p.rows[at].flatMap((code, column) => (code < 0 ? [] : [p.values[column][code]])).slice(0, 6).join(" · ")), h("div", { class: "meta" }, p.ids[at], h("span", {}, plural(p.rows[at].filter((code) => code >= 0).length, "feature")))],
    choose: read,
    open: (at) => read(at, true).then(() => reader.focus()),
  });
  const show = (query, chosen = null) => {
    const hits = personaFilter(query);
    list.show(hits, chosen);
    counter.textContent = `${count(hits.length)} of ${count(p.ids.length)}`;
  };
  const at = selected ? p.ids.indexOf(selected) : -1;
  panes.append(h("div", { class: "filters" }, h("input", { class: "field", type: "search", placeholder: "Id, dimension or value", "aria-label": "Filter personas by id, dimension or value", oninput: (event) => show(event.target.value) }), counter), list.node, reader);
  queueMicrotask(() => {
    show("", at < 0 ? 0 : at);
    read(Math.max(0, at), at >= 0);
  });
  return panes;
};
