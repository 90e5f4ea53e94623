// One conversation, to be read: noisy words are marked, the clean text and where the noise came from stand below.
const found = (text, query) => {
  if (!query) return [text];
  const out = [];
  const low = text.toLowerCase();
  let from = 0;
  for (let at = low.indexOf(query); at >= 0 && low.length === text.length; at = low.indexOf(query, from)) {
    out.push(text.slice(from, at), h("mark", { class: "find" }, text.slice(at, at + query.length)));
    from = at + query.length;
  }
  out.push(text.slice(from));
  return out;
};
const say = (text, query) =>
  text.split(/(```[\s\S]*?(?:```|$))/).map((part) => {
    if (part.startsWith("```")) return h("pre", {}, part.replace(/^```[^\n]*\n?/, "").replace(/\n?```$/, ""));
    return part.split(/(`[^`\n]+`|\*\*[^*\n]+\*\*)/).map((bit) => {
      if (bit.length > 2 && bit.startsWith("`") && bit.endsWith("`")) return h("code", {}, bit.slice(1, -1));
      if (bit.length > 4 && bit.startsWith("**") && bit.endsWith("**")) return h("strong", {}, found(bit.slice(2, -2), query));
      return found(bit, query);
    });
  });
const layerClass = (layer) => `l${Math.max(0, index.talks.layers.indexOf(layer))}`;
const layerChip = (layer) => h("span", { class: `chip ${layerClass(layer)}` }, words(layer));
const semantics = (found_) =>
  [
    found_.intents?.length && `wants ${found_.intents.join(" · ")}`,
    found_.slots && Object.keys(found_.slots).length && Object.entries(found_.slots).map(([name, value]) => `${words(name)}: ${value}`).join(", "),
    found_.missing?.length && `missing ${found_.missing.join(", ")}`,
    found_.vague?.length && `vague ${found_.vague.join(", ")}`,
    found_.conflicts?.length && `in conflict ${found_.conflicts.join("; ")}`,
  ].filter(Boolean).join(" — ");
const provenance = (noise) => {
  const rows = [
    ["strategies", (noise.strategies ?? []).map(words).join(", ")],
    ["asked for", (noise.asked ?? []).map(words).join(", ")],
    ["reason", noise.reason],
    ["edit distance", isNumber(noise.distance) ? plural(noise.distance, "character") : null],
    ["written by", noise.engine],
    ["attempts", noise.attempts],
    ["clean text", noise.before && semantics(noise.before)],
    ["noisy text", noise.after && semantics(noise.after)],
  ].filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("details", { class: "prov" }, h("summary", {}, "Where this noise comes from"), h("dl", {}, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))])));
};
const noisyMessage = (content, noise, query) => {
  const noisy = noise.noisy ?? content;
  const spans = diff(noise.clean ?? "", noisy);
  const kind = layerClass(noise.layer);
  return [
    h("div", { class: "say" }, spans.noisy.map((run) => (run.changed ? h("mark", { class: kind }, run.text) : found(run.text, query)))),
    h("div", { class: "clean" }, h("b", {}, noise.noisy === undefined ? "Clean text" : "Clean text, with which the conversation went on"), spans.clean.map((run) => (run.changed ? h("del", {}, run.text) : run.text))),
    provenance(noise),
  ];
};
const message = ([role, content, noise], turn, query) => {
  const applied = noise && noise.verdict === "applied";
  return h("section", { class: `msg ${role === "user" ? "user" : "assistant"}`, "aria-label": `${role}, turn ${turn}` },
    h("p", { class: "who" }, role === "user" ? `User · turn ${turn}` : "Assistant", noise && layerChip(noise.layer), noise && !applied && h("span", {}, words(noise.verdict))),
    applied ? noisyMessage(content, noise, query) : [h("div", { class: "say" }, say(content, query)), noise && provenance(noise)]);
};
const conversation = (position, record, query) => {
  const talks = index.talks;
  const persona = talks.persona[position];
  const facts = [plural(talks.turns[position], "turn"), words(talks.ends[talks.end[position]]), talks.models[talks.model[position]]];
  const extra = [record.x.target_turns && `${plural(record.x.target_turns, "turn was", "turns were")} drawn`, record.x.supplement && "made up for a failed one", record.x.category].filter(Boolean);
  let turn = 0;
  return [
    h("header", {},
      h("h2", { class: "mono" }, talks.ids[position]),
      h("p", { class: "facts" }, persona >= 0 && h("a", { href: `#/personas/${index.personas.ids[persona]}` }, index.personas.ids[persona]), facts.filter(Boolean).map((fact) => h("span", {}, fact)), extra.map((fact) => h("span", {}, String(fact)))),
      record.q && record.q !== record.i && h("p", { class: "note" }, `Original query: ${record.q}`),
      Object.keys(record.f ?? {}).length > 0 && h("p", { class: "features" }, Object.entries(record.f).map(([name, value]) => h("span", { class: "chip", title: "inferred for this conversation" }, `${words(name)}: ${value}`)))),
    record.m.map((entry) => message(entry, entry[0] === "user" ? ++turn : turn, query)),
  ];
};
