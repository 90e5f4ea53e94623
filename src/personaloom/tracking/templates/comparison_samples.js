// One conversation at all levels, in columns. Text equal to the baseline's is quiet; noisy words are marked against the clean text.
const textStore = () => {
  textStore.chunks ??= new Chunks("c", index.talks.starts, index.talks.ids.length);
  return textStore.chunks;
};
const baseOf = (place) => index.result.members.findIndex((m) => m.label === index.result.members[place].baseline);
const differs = (entry) => index.talks.parts[entry].some((turn) => isNumber(turn));
const sampleRow = (entry) => {
  const { ids, title, flags, parts, layers } = index.talks;
  const all = flags[entry].reduce((sum, one) => sum | one, 0);
  const firsts = parts[entry].filter(isNumber);
  return [h("p", {}, title[entry]), h("div", { class: "meta" }, ids[entry], h("span", {}, firsts.length ? `differs from turn ${Math.min(...firsts) + 1}` : "the same everywhere"), layers.map((layer, i) => all & (1 << i) && h("span", { class: `dot l${i}`, title: words(layer), role: "img", "aria-label": words(layer) })).filter(Boolean))];
};
const side = (entry, record, chosen) => {
  const { members } = index.result;
  const longest = Math.max(...chosen.map((place) => record.c[place]?.length ?? 0));
  const cells = chosen.map((place) => h("div", { class: "head" }, members[place].label, members[place].pairing === "baseline" ? " (baseline)" : ""));
  for (let line = 0; line < longest; line++) {
    for (const place of chosen) {
      const said = record.c[place]?.[line];
      const base = baseOf(place);
      const same = said && place !== base && record.c[base]?.[line]?.[1] === said[1];
      const parts = index.talks.parts[entry][place];
      const here = place !== base && isNumber(parts) && line === 2 * parts;
      cells.push(h("div", { class: same ? "same" : null, "data-member": members[place].label }, here ? h("p", { class: "parting" }, "differs from here on") : null, said ? message(said, Math.floor(line / 2) + 1, "") : record.c[place] ? (line === record.c[place].length ? h("p", { class: "note" }, "The conversation ends here.") : null) : line === 0 ? h("p", { class: "note" }, "This dataset does not have it.") : null));
    }
  }
  return h("div", { class: "side", style: { gridTemplateColumns: `repeat(${chosen.length}, minmax(230px, 1fr))`, maxWidth: `${30 * chosen.length}rem` } }, cells);
};
const samplesPage = (selected, query, remember) => {
  const { ids, title, flags, layers } = index.talks;
  const { members } = index.result;
  if (!ids.length) return page(section("Samples", none("There are no conversations.")));
  const state = { noise: query.get("noise") ?? "", q: query.get("q") ?? "" };
  const hidden = new Set(members.map((_, i) => i).filter((i) => i >= 6));
  const reader = h("article", { class: "reader wide", tabindex: "0", "aria-label": "One conversation at all levels" }, none("Choose a conversation."));
  const counter = h("span", { class: "count", role: "status" });
  const panes = h("div", { class: "panes" });
  let chosen = null;
  const back = () => {
    panes.classList.remove("reading");
    list.node.focus();
  };
  const read = async (entry, opened) => {
    chosen = entry;
    if (opened) panes.classList.add("reading");
    remember(ids[entry], state);
    const record = await textStore().get(entry);
    if (chosen !== entry) return;
    const places = members.map((_, i) => i).filter((i) => !hidden.has(i));
    reader.replaceChildren(h("button", { type: "button", class: "quiet back", onclick: back }, "← All conversations"), h("header", {}, h("h2", { class: "mono" }, ids[entry]), h("p", { class: "note" }, `Original query: ${record.q}`)), side(entry, record, places));
    reader.scrollTop = 0;
  };
  const list = new VirtualList({ label: "Conversations", draw: sampleRow, choose: read, open: (entry) => read(entry, true).then(() => reader.focus()) });
  const fits = (entry) => {
    const all = flags[entry].reduce((sum, one) => sum | one, 0);
    const kind = state.noise === "" || (state.noise === "same" ? !differs(entry) : state.noise === "differs" ? differs(entry) : all & (1 << layers.indexOf(state.noise)));
    return kind && `${ids[entry]} ${title[entry]}`.toLowerCase().includes(state.q.trim().toLowerCase());
  };
  const apply = (first = null) => {
    const hits = ids.map((_, i) => i).filter(fits);
    const next = first !== null && hits.includes(first) ? first : hits.includes(chosen) ? chosen : (hits[0] ?? null);
    list.show(hits, next);
    counter.textContent = `${count(hits.length)} of ${count(ids.length)}${index.result.conversations > ids.length ? ` (the first ${count(ids.length)} of ${count(index.result.conversations)} are in this page)` : ""}`;
    if (next === null) reader.replaceChildren(none("No conversation like that."));
    else if (next !== chosen) read(next, first !== null && selected !== "");
    else remember(ids[chosen], state);
  };
  const pick = h("fieldset", { class: "pick", "aria-label": "Which conversations" }, [["", "All"], ["differs", "Differing"], ["same", "Same everywhere"], ...layers.map((layer) => [layer, words(layer)])].map(([value, label]) => h("label", {}, h("input", { type: "radio", name: "noise", value, checked: state.noise === value, onchange: () => { state.noise = value; apply(); } }), h("span", {}, label))));
  const columnsOf = h("fieldset", { class: "pick", "aria-label": "Datasets shown" }, members.map(({ label }, i) => h("label", {}, h("input", { type: "checkbox", name: "member", value: label, checked: !hidden.has(i), onchange: (event) => { if (event.target.checked) hidden.delete(i); else hidden.add(i); if (chosen !== null) read(chosen, false); } }), h("span", {}, label))));
  const field = h("input", { class: "field", type: "search", value: state.q, placeholder: "Query or id", "aria-label": "Query or id", "data-filter": "q", oninput: (event) => { state.q = event.target.value; apply(); } });
  panes.append(h("div", { class: "filters" }, field, pick, columnsOf, counter), list.node, reader);
  requestAnimationFrame(() => apply(selected && ids.includes(selected) ? ids.indexOf(selected) : null));
  return panes;
};
