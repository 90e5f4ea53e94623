// The conversations: a virtual list with filters on the left, one of them to read on the right.
const UNDONE = () => 1 << index.talks.layers.length;
const talkStore = () => {
  talkStore.chunks ??= new Chunks("c", index.talks.starts, index.talks.ids.length);
  return talkStore.chunks;
};
// An entry is a conversation's position, or, beyond the last one, a failure's.
const failureOf = (entry) => index.failures.rows[entry - index.talks.ids.length];
const isFailure = (entry) => entry >= index.talks.ids.length;
const entryId = (entry) => (isFailure(entry) ? failureOf(entry)[0] : index.talks.ids[entry]);
const candidates = ({ noise, persona }) => {
  const talks = index.talks;
  const wanted = persona ? new Set(personaFilter(persona)) : null;
  const layer = 1 << talks.layers.indexOf(noise);
  const entries = [];
  for (let i = 0; noise !== "failed" && i < talks.ids.length; i++) {
    const flags = talks.flags[i];
    const fits = noise === "" || (noise === "clean" ? (flags & (UNDONE() - 1)) === 0 : noise === "undone" ? flags & UNDONE() : flags & layer);
    if (fits && (!wanted || wanted.has(talks.persona[i]))) entries.push(i);
  }
  for (let k = 0; (noise === "failed" || noise === "") && k < index.failures.rows.length; k++) {
    if (!wanted || wanted.has(index.personas.ids.indexOf(index.failures.rows[k][1]))) entries.push(talks.ids.length + k);
  }
  return entries;
};
const says = (record, query) => [record.q, ...record.m.flatMap(([, content, noise]) => [content, noise?.clean])].some((text) => text && text.toLowerCase().includes(query));
const search = async (entries, query, alive, progress) => {
  // Ids and titles come first; then chunk by chunk the full texts, reported as they are found.
  const hits = [];
  const chunks = talkStore();
  let reported = 0;
  for (let i = 0; i < entries.length && alive(); i++) {
    const entry = entries[i];
    const short = isFailure(entry) ? failureOf(entry).join(" ") : `${index.talks.ids[entry]} ${index.talks.title[entry]}`;
    if (short.toLowerCase().includes(query) || (!isFailure(entry) && says(await chunks.get(entry), query))) hits.push(entry);
    if (performance.now() - reported > 120 || i === entries.length - 1) {
      reported = performance.now();
      progress(hits.slice(), (i + 1) / entries.length);
      await new Promise((next) => setTimeout(next));
    }
  }
  return hits;
};
const entryRow = (entry) => {
  if (isFailure(entry)) {
    const [id, , stage, kind, said] = failureOf(entry);
    return [h("p", {}, said), h("div", { class: "meta" }, h("span", { class: "dot bad", title: "failed" }), id, h("span", {}, `${words(stage)} failed: ${words(kind)}`))];
  }
  const talks = index.talks;
  const flags = talks.flags[entry];
  const dots = talks.layers.map((layer, i) => flags & (1 << i) && h("span", { class: `dot l${i}`, title: words(layer), role: "img", "aria-label": words(layer) }));
  return [h("p", {}, talks.title[entry]), h("div", { class: "meta" }, talks.ids[entry], h("span", {}, plural(talks.turns[entry], "turn")), dots.filter(Boolean), flags & UNDONE() ? h("span", { class: "dot undone", title: "noise was drawn and not applied", role: "img", "aria-label": "noise was drawn and not applied" }) : null)];
};
const failureText = (entry) => {
  const [id, persona, stage, kind, said, attempts, transient, when] = failureOf(entry);
  return [h("header", {}, h("h2", { class: "mono" }, id), h("p", { class: "facts" }, h("span", { class: "chip bad" }, "failed"), persona, `${words(stage)}: ${words(kind)}`, plural(attempts ?? 0, "attempt"), when)), h("p", { class: "prompt" }, said), h("p", { class: "note" }, transient ? "Running the same command again may mend it." : "Asking again would give the same.")];
};
const filterForm = (state, changed) => {
  const noises = [["", "All"], ["clean", "Clean"], ...index.talks.layers.map((layer) => [layer, words(layer)]), ["undone", "Drawn, not applied"], ["failed", `Failed (${count(index.failures.total)})`]];
  const pick = h("fieldset", { class: "pick", "aria-label": "Noise or failure" }, noises.map(([value, label]) => h("label", {}, h("input", { type: "radio", name: "noise", value, checked: state.noise === value, onchange: () => changed({ noise: value }) }), h("span", {}, label))));
  const field = (name, label) => h("input", { class: "field", type: "search", value: state[name], placeholder: label, "aria-label": label, "data-filter": name, oninput: (event) => changed({ [name]: event.target.value }) });
  return [field("q", "Search texts"), field("persona", "Persona or feature"), pick];
};
const talksPage = (selected, query, remember) => {
  const state = { noise: query.get("noise") ?? "", persona: query.get("persona") ?? "", q: query.get("q") ?? "" };
  const talks = index.talks;
  if (!talks.ids.length && !index.failures.total) return page(section("Conversations", none("No conversations were made yet.")));
  const counter = h("span", { class: "count", role: "status" });
  const reader = h("article", { class: "reader", tabindex: "0", "aria-label": "Conversation" }, none("Choose a conversation."));
  const panes = h("div", { class: "panes" });
  let chosen = null;
  let searching = 0;
  const back = () => {
    panes.classList.remove("reading");
    list.node.focus();
  };
  const read = async (entry, opened) => {
    chosen = entry;
    if (opened) panes.classList.add("reading");
    remember(entryId(entry), state);
    const content = isFailure(entry) ? failureText(entry) : conversation(entry, await talkStore().get(entry), state.q.toLowerCase());
    if (chosen !== entry) return;
    reader.replaceChildren(...[h("button", { type: "button", class: "quiet back", onclick: back }, "← All conversations"), ...content.flat(Infinity)].filter(Boolean));
    reader.scrollTop = 0;
    // What was asked for is brought into sight: the words searched for, else the noise of the layer chosen.
    const sought = state.q ? "mark.find" : talks.layers.includes(state.noise) ? `mark.${layerClass(state.noise)}` : null;
    if (sought) reader.querySelector(sought)?.closest(".msg").scrollIntoView({ block: "nearest" });
  };
  const list = new VirtualList({ label: "Conversations", draw: entryRow, choose: read, open: (entry) => read(entry, true).then(() => reader.focus()) });
  const say_ = (hits, share) => {
    const all = talks.ids.length + index.failures.rows.length;
    counter.textContent = `${count(hits)} of ${count(all)}${share < 1 ? ` · searching ${Math.round(100 * share)} %` : ""}${talks.total > talks.ids.length ? ` (the first ${count(talks.ids.length)} of ${count(talks.total)} are in this page)` : ""}`;
  };
  const apply = async (first = null) => {
    const turn = ++searching;
    const entries = candidates(state);
    const settle = (hits, share, still) => {
      list.show(hits, hits.includes(chosen) ? chosen : null, still);
      say_(hits.length, share);
    };
    remember(chosen === null ? null : entryId(chosen), state);
    const asked = state.q.trim().toLowerCase();
    const hits = asked ? await search(entries, asked, () => turn === searching, (found_, share) => turn === searching && settle(found_, share, share < 1)) : entries;
    if (turn !== searching) return;
    const next = first !== null && hits.includes(first) ? first : hits.includes(chosen) ? chosen : hits[0];
    if (next !== undefined && next !== chosen) await read(next, first !== null && next === first);
    if (next === undefined) reader.replaceChildren(none("No conversation fits these filters."));
    settle(hits, 1, false);
  };
  let waiting = 0;
  const changed = (change) => {
    Object.assign(state, change);
    clearTimeout(waiting);
    waiting = setTimeout(apply, "noise" in change ? 0 : 160);
  };
  panes.append(h("div", { class: "filters" }, filterForm(state, changed), counter), list.node, reader);
  const all = talks.ids.length + index.failures.rows.length;
  let first = null;
  for (let i = 0; selected && i < all && first === null; i++) if (entryId(i) === selected) first = i;
  queueMicrotask(() => apply(first));
  return panes;
};
