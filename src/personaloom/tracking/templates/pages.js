// The pages that are read from top to bottom: overview, noise, tokens and cost, failures, config.
const page = (...sections) => h("div", { class: "page" }, sections);
const section = (title, ...content) => h("section", {}, h("h2", {}, title), content);
const bold = (text) => h("b", {}, text);
const card = (name, value, note) => h("div", {}, h("dt", {}, name), h("dd", {}, value, note && h("small", {}, note)));
const modelRows = (models) => {
  // Roles that share a model share a line.
  const lines = new Map();
  for (const { role, model, origin, weight } of models) {
    const name = `${model}${isNumber(weight) && weight !== 1 ? ` · weight ${weight}` : ""}`;
    const line = lines.get(name + origin) ?? [[], name, origin];
    line[0].push(words(role));
    lines.set(name + origin, line);
  }
  return [...lines.values()].map(([roles, name, origin]) => [roles.join(", "), [h("span", { class: "whole" }, name), origin ? h("div", { class: "note" }, origin) : ""]]);
};
const overview = () => {
  const m = index.manifest;
  const { counts, noise, usage } = m;
  const ends = Object.entries(m.end_reasons ?? {});
  return page(
    h("section", {},
      h("p", { class: "lede" }, bold(plural(counts.interactions, "conversation")), " of ", bold(plural(counts.personas, "persona")), ", ", plural(counts.turns, "turn"), " in all. ",
        noise?.units ? ["Of the user’s messages ", bold(percent(noise.applied, noise.units)), " are noisy; ", percent(noise.configured_rate, 1), " was asked for."] : "No distractor ran.",
        counts.failed ? [" ", bold(plural(counts.failed, "conversation")), counts.failed === 1 ? " that was asked for is missing, with its reason." : " that were asked for are missing, each with its reason."] : ""),
      [m.stopped, ...(m.notes ?? []), m.unused_keys?.length ? `Not used, though set: ${m.unused_keys.join(", ")}.` : null].filter(Boolean).map((text) => h("p", { class: "note" }, text)),
      h("dl", { class: "cards" },
        card("Samples", count(counts.samples), counts.rejected_samples ? `${count(counts.rejected_samples)} rejected` : null),
        card("Turns a conversation", fixed(counts.interactions ? counts.turns / counts.interactions : NaN, 2), ends.map(([reason, n]) => `${count(n)} ${words(reason)}`).join(", ")),
        noise?.units ? card("Noisy conversations", percent(noise.conversations_applied, noise.conversations), `${count(noise.conversations_applied)} of ${count(noise.conversations)}`) : null,
        card("Tokens", count((usage.attributed.input_tokens ?? 0) + (usage.attributed.output_tokens ?? 0)), plural(usage.attributed.calls ?? 0, "call")),
        card("Cost", dollars(usage.attributed.cost_usd), `${dollars(usage.paid.cost_usd)} paid by this dataset`),
        card("Took", seconds(m.duration_s), moment(m.updated_at)))),
    h("div", { class: "two" },
      index.talks.turn_counts.length ? section("Turns", columns(index.talks.turn_counts, "conversations by number of turns"), h("p", { class: "note" }, "Conversations by their number of turns.")) : null,
      layersShown() ? section("Noise by layer", layerBars(noise)) : null,
      Object.keys(usage.by_module ?? {}).length ? section("Tokens by stage", tokenBars(usage.by_module)) : null,
      section("Models", (m.models ?? []).length ? table(["Roles", "Model"], modelRows(m.models)) : none("No model was asked."), m.mixed_snapshots ? h("p", { class: "note" }, "Replies came from more than one snapshot of a model.") : null)),
  );
};
const layersShown = () => Object.keys(index.manifest.noise?.layers ?? {}).length > 0;
const layerBars = (noise) => [
  bars(Object.entries(noise.layers).map(([layer, n]) => [layerChip(layer), [[n.applied, layerClass(layer)], [(n.drawn ?? 0) - (n.applied ?? 0), "ghost"]], `${count(n.applied)} of ${count(n.drawn)}`])),
  key(["ghost", "drawn, and not applied"]),
];
const tokenBars = (parts) => [
  bars(Object.entries(parts).map(([name, n]) => [words(name), [[n.input_tokens, ""], [n.output_tokens, "b"]], count((n.input_tokens ?? 0) + (n.output_tokens ?? 0))])),
  key(["", "input"], ["b", "output"]),
];
const noisePage = () => {
  const { noise, prompts } = index.manifest;
  if (!noise?.units) return page(section("Noise", none("No distractor ran for this dataset.")));
  const outcome = [["applied", noise.applied], ["rejected: broke its layer’s contract", noise.rejected], ["not applicable to the text", noise.not_applicable]];
  const strategies = Object.entries(noise.strategies ?? {}).sort((a, b) => b[1] - a[1]);
  const reasons = Object.entries(noise.reasons ?? {});
  const rates = [["per_turn", "Drawn, of the user’s messages"], ["per_conversation", "Conversations with a draw"], ["applied_per_turn", "Applied, of the user’s messages"], ["applied_per_conversation", "Conversations with noise"]].filter(([name]) => noise.rate?.[name]);
  return page(
    h("section", {}, h("p", { class: "lede" }, bold(percent(noise.drawn, noise.units)), ` of ${plural(noise.units, "user message")} were drawn to be noisy (${percent(noise.configured_rate, 1)} asked for), `, bold(percent(noise.applied, noise.units)), " are. A conversation holds at least one in ", bold(percent(noise.conversations_applied, noise.conversations)), " of cases."),
      h("p", { class: "note" }, `Mode: ${noise.mode}. The draw is a number of its own for each message, so that it can be compared over levels; whether noise could be applied is a result.`)),
    h("div", { class: "two" },
      section("By layer", layerBars(noise), h("p", { class: "note" }, "Read them: ", Object.keys(noise.layers ?? {}).map((layer, i) => [i ? " · " : "", h("a", { href: `#/conversations?noise=${encodeURIComponent(layer)}` }, words(layer))]))),
      section("What became of the draws", bars(outcome.map(([name, n], i) => [name, [[n, i ? "ghost" : ""]], `${count(n)} · ${percent(n, noise.drawn)}`])))),
    rates.length ? section("Asked for and realised", table(["", "Realised", "95 % interval", "Expected"], rates.map(([name, label]) => {
      const { share, low, high, expected, inside } = noise.rate[name];
      return [label, percent(share, 1), `${percent(low, 1)} to ${percent(high, 1)}`, isNumber(expected) ? `${percent(expected, 1)}${inside ? "" : " (outside)"}` : "–"];
    }), [1, 2, 3]), h("p", { class: "note" }, "Wilson intervals. What was asked for is compared with the draws.", isNumber(noise.layer_mix?.p_value) ? ` The mix of layers against their weights: p = ${noise.layer_mix.p_value.toFixed(3)} (chi-square).` : "")) : null,
    reasons.length ? section("Why a draw was not applied", bars(reasons.map(([reason, n]) => [words(reason), [[n, "ghost"]], count(n)]))) : null,
    strategies.length ? section("Strategies found in the texts", bars(strategies.map(([name, n]) => [words(name), [[n, ""]], count(n)]))) : null,
    Object.keys(prompts ?? {}).length ? section("Prompts", table(["Prompt", "Version", "SHA-256"], Object.entries(prompts).map(([name, use]) => [words(name), use.version, h("span", { class: "mono" }, String(use.sha256).slice(0, 16))]))) : null,
  );
};
const usagePage = () => {
  const { usage } = index.manifest;
  const line = ([name, n]) => [words(name), count(n.calls), count(n.input_tokens), count(n.output_tokens), dollars(n.cost_usd)];
  const part = (title, head, entries) => (Object.keys(entries ?? {}).length ? section(title, tokenBars(entries), table([head, "Calls", "Input tokens", "Output tokens", "Cost"], Object.entries(entries).map(line), [1, 2, 3, 4])) : null);
  const samples = index.manifest.counts.samples;
  return page(
    h("section", {}, h("p", { class: "lede" }, "This dataset cost ", bold(dollars(usage.attributed.cost_usd)), ` in ${plural(usage.attributed.calls, "call")}`, isNumber(usage.attributed.cost_usd) && samples ? [", ", bold(dollars((1000 * usage.attributed.cost_usd) / samples)), " per 1,000 samples"] : "", "."),
      table(["", "Calls", "Attempts", "Input tokens", "Output tokens", "Cost"], [["Attributed: all calls in this dataset, whoever paid", usage.attributed], ["Paid: calls that this dataset's runs sent", usage.paid]].map(([name, n]) => [name, count(n.calls), count(n.attempts), count(n.input_tokens), count(n.output_tokens), dollars(n.cost_usd)]), [1, 2, 3, 4, 5]),
      usage.unpriced_models?.length ? h("p", { class: "note" }, `No price is known for ${usage.unpriced_models.join(", ")}: the true cost is higher than shown.`) : null,
      usage.unknown_attempts ? h("p", { class: "note" }, `${plural(usage.unknown_attempts, "attempt")} ended in a cut connection; what they used is not known.`) : null),
    part("By stage", "Stage", usage.by_module),
    part("By operation", "Operation", usage.by_operation),
    part("By model", "Model", usage.by_model),
  );
};
const failuresPage = () => {
  const { failures, manifest } = index;
  if (!failures.total) return page(section("Failures", none("Nothing that was asked for is missing.")));
  const kinds = Object.entries(manifest.failures ?? {}).sort((a, b) => b[1] - a[1]);
  let shown = 0;
  const body = h("tbody");
  const more = h("button", { type: "button", class: "chip", onclick: () => grow() }, "Show more");
  const grow = () => {
    const next = failures.rows.slice(shown, shown + 200);
    shown += next.length;
    body.append(...next.map(([id, , stage, kind, said, attempts, transient, , madeUp]) => h("tr", {}, h("th", { scope: "row", class: "mono" }, id), h("td", {}, words(stage)), h("td", {}, words(kind)), h("td", {}, said), h("td", { class: "n" }, count(attempts)), h("td", {}, madeUp ? "made up" : transient ? "may pass when run again" : "final"))));
    more.hidden = shown >= failures.rows.length;
  };
  grow();
  return page(
    section("Failures", h("p", { class: "note" }, `${plural(failures.total, "failure")} on record${failures.made_up ? `, ${count(failures.made_up)} of them made up` : ""}; ${plural(manifest.counts.failed ?? 0, "conversation")} missing from the dataset (${percent(manifest.failed_share ?? 0, 1)}).`, failures.total > failures.rows.length ? ` The first ${count(failures.rows.length)} are listed; all are in failures.jsonl.` : ""), bars(kinds.map(([kind, n]) => [words(kind), [[n, ""]], count(n)]))),
    h("section", {}, h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["What", "Stage", "Kind", "Reason"].map((head) => h("th", { scope: "col" }, head)), h("th", { scope: "col", class: "n" }, "Attempts"), h("th", { scope: "col" }, "Again?"))), body)), h("p", {}, more)),
  );
};
const flat = (node, prefix = "") =>
  Object.entries(node ?? {}).flatMap(([name, value]) => (value && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length ? flat(value, `${prefix}${name}.`) : [[prefix + name, typeof value === "string" ? value : JSON.stringify(value)]]));
const configPage = () => {
  const m = index.manifest;
  const entries = flat(m.config);
  const rows = h("div", { class: "pairs" });
  const show = (query) => {
    const hits = entries.filter(([name, value]) => `${name} ${value}`.toLowerCase().includes(query.toLowerCase()));
    rows.replaceChildren(hits.length ? table(["Key", "Value"], hits.map(([name, value]) => [h("span", { class: "mono" }, parted(name)), h("span", { class: "mono" }, parted(value))])) : none("No key or value like that."));
  };
  show("");
  const facts = [["status", m.status], ["mode", m.mode], ["stages", (m.stages ?? []).join(", ")], ["made", m.created_at], ["fingerprint", m.fingerprint], ...flat(m.fingerprints, "fingerprint of "), ...flat(m.seeds, "seed of "), ...flat(m.versions, "version of "), ...flat(m.queries, "queries, "), ...(m.tracking?.run_id ? [["MLflow run", m.tracking.run_id]] : []), ["overrides", (m.sweep?.overrides ?? []).join(" ") || "none"]];
  return page(
    section("Config", h("input", { class: "field", type: "search", placeholder: "Find a key or value", "aria-label": "Find a key or value", oninput: (event) => show(event.target.value) }), rows),
    section("Provenance", table(["", ""], facts.map(([name, value]) => [name, h("span", { class: "mono" }, String(value ?? "–"))]))),
    Object.keys(m.files ?? {}).length ? section("Files", table(["File", "Records", "Bytes", "SHA-256"], Object.entries(m.files).map(([name, file]) => [h("span", { class: "mono" }, name), count(file.records), count(file.bytes), h("span", { class: "mono" }, String(file.sha256 ?? "").slice(0, 16))]), [1, 2])) : null,
  );
};
