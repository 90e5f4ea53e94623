// What the comparison says: the datasets, how they differ from the baseline and how sure that is, all metrics.
const page = (...sections) => h("div", { class: "page" }, sections);
const section = (title, ...content) => h("section", {}, h("h2", {}, title), content);
const bold = (text) => h("b", {}, text);
const measureOf = (name) => index.result.measures.find((each) => each.name === name);
const digits = (value) => (Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 0.1 || value === 0 ? 2 : 4);
const number = (value, sign = false) => (isNumber(value) ? `${sign && value > 0 ? "+" : ""}${value.toLocaleString("en", { maximumFractionDigits: digits(value) }).replace("-", "−")}` : "–");
const between = ({ low, high }, sign = false) => (isNumber(low) ? `${number(low, sign)} to ${number(high, sign)}` : "–");
const pValue = (p) => (!isNumber(p) ? "–" : p < 0.001 ? "< 0.001" : p.toFixed(3));
const people = (row) => `${count(row.n)} of ${plural(row.personas, "persona")}`;
const tooFew = () => {
  const { differences, fewest_personas: fewest } = index.result;
  const least = Math.min(...differences.filter((row) => isNumber(row.value)).map((row) => row.personas));
  return least < fewest ? h("p", { class: "note" }, `${plural(least, "persona")}: intervals and tests are given from ${fewest} personas on, so here are none.`) : null;
};
const memberTable = () => {
  const rows = index.result.members.map(({ label, counts, noise, usage, pairing, run_id: run }) => [
    [label, run ? h("div", { class: "note mono" }, `run ${run.slice(0, 8)}`) : ""], count(counts.interactions), count(counts.failed), percent(noise.applied, noise.units), count((usage.attributed.input_tokens ?? 0) + (usage.attributed.output_tokens ?? 0)), dollars(usage.attributed.cost_usd), count(usage.paid.calls), dollars(usage.paid.cost_usd), h("span", { class: pairing.startsWith("ok") || pairing === "baseline" ? "ok" : "not" }, pairing),
  ]);
  return table(["Dataset", "Conversations", "Failed", "Noisy messages", "Tokens", "Cost, attributed", "Calls paid", "Cost paid", "Pairing"], rows, [1, 2, 3, 4, 5, 6, 7]);
};
const primaryWords = () => {
  const { differences, primary, baseline } = index.result;
  const rows = differences.filter((row) => row.measure === primary && isNumber(row.value));
  if (!rows.length) return "There is one level only, so nothing is compared with a baseline.";
  const largest = rows.reduce((one, other) => (Math.abs(other.value) > Math.abs(one.value) ? other : one));
  const m = measureOf(primary);
  return ["The primary measure is ", bold(m.label.toLowerCase()), ` (${m.unit}). Its largest difference from `, bold(baseline), " is ", bold(number(largest.value, true)), isNumber(largest.low) ? ` (95 % interval ${between(largest, true)})` : "", " at ", bold(largest.level), `, over ${plural(largest.n, "conversation")} of ${plural(largest.personas, "persona")}.`];
};
const overview = () => {
  const { result } = index;
  const failed = result.sweep.failed ?? [];
  return page(
    h("section", {}, h("p", { class: "lede" }, bold(plural(result.members.length, "dataset")), `, ${plural(result.conversations, "conversation")} side by side. `, primaryWords()), tooFew()),
    failed.length ? section("Jobs that failed", table(["Job", "Overrides", "Reason"], failed.map(({ job, overrides, message }) => [`#${job}`, overrides.join(" "), message]))) : null,
    section("Datasets", memberTable(), h("p", { class: "note" }, "Pairing: “ok” where personas, queries and every turn before the first noisy message are equal, with the number of conversations. Attributed is what all calls in a dataset cost, whoever paid; only that can be compared over a sweep.")),
    section("Means", meansTable()),
    result.replicates.length ? section("Between replicates", replicateTable(), h("p", { class: "note" }, "Standard deviations over seeds: of a level’s mean, and of its difference from the baseline of the same seed. An effect that is not larger than these may be the seed’s.")) : null,
    h("p", { class: "note" }, `Intervals: ${result.interval}. Tests: ${result.test}.`),
  );
};
const meansTable = () => {
  const { members, measures, means } = index.result;
  const at = new Map(means.map((row) => [`${row.member}\n${row.measure}`, row]));
  const cell = (row) => [number(row.value), isNumber(row.low) ? h("div", { class: "note" }, between(row)) : ""];
  return table(["", ...members.map((m) => m.label)], measures.map((m) => [[m.label, h("div", { class: "note" }, m.unit)], ...members.map((each) => cell(at.get(`${each.label}\n${m.name}`)))]), members.map((_, i) => i + 1));
};
const replicateTable = () => {
  const effects = new Map(index.result.differences.map((row) => [`${row.level}\n${row.measure}`, row]));
  return table(["Measure", "Level", "Replicates", "Mean of each", "SD of the mean", "Difference", "SD of the difference"], index.result.replicates.map((row) => {
    const effect = effects.get(`${row.level}\n${row.measure}`);
    return [measureOf(row.measure).label, row.level, count(row.n), Object.entries(row.means).map(([name, value]) => `${name}: ${number(value)}`).join(", "), number(row.deviation), effect ? number(effect.value, true) : "baseline", effect ? number(effect.deviation) : "–"];
  }), [2, 4, 5, 6]);
};
const whiskers = (rows) => {
  const ends = [0, ...rows.flatMap((row) => [row.value, row.low, row.high]).filter(isNumber)];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const room = (high - low || 1) * 0.06;
  const place = (value) => `${(100 * (value - low + room)) / (high - low + 2 * room || 1)}%`;
  const line = (row) => h("div", { class: "line" },
    h("span", { class: "label" }, row.level),
    h("span", { class: "whisker", "aria-hidden": "true" }, h("i", { class: "zero", style: { left: place(0) } }),
      isNumber(row.low) ? h("i", { class: "span", style: { left: place(row.low), right: `calc(100% - ${place(row.high)})` } }) : null,
      h("i", { class: isNumber(row.low) ? "at" : "at bare", style: { left: place(row.value) } })),
    h("span", { class: "value", title: people(row) }, `${number(row.value, true)}${isNumber(row.low) ? ` [${number(row.low, true)}, ${number(row.high, true)}]` : ""} · n = ${count(row.n)}`));
  return h("div", { class: "whiskers" }, rows.map(line), h("div", { class: "axis", "aria-hidden": "true" }, [...new Set([low, high])].map((end) => h("span", { style: { left: place(end) } }, number(end, true)))));
};
const effectsPage = () => {
  const { differences, measures, primary, baseline } = index.result;
  const panels = [...measures].sort((a, b) => (b.name === primary) - (a.name === primary)).map((m) => [m, differences.filter((row) => row.measure === m.name && isNumber(row.value))]).filter(([, rows]) => rows.length);
  if (!panels.length) return page(section("Differences", none("There is one level only: see the spread between replicates.")));
  const role = (m) => (m.name === primary ? "primary" : m.outcome ? "" : "set by the level, not tested");
  const tested = differences.filter((row) => isNumber(row.p_adjusted));
  return page(
    section(`Differences from ${baseline}`, h("p", { class: "note" }, "Each conversation less the same conversation at the baseline; personas are resampled. A dot with a line: the mean and its 95 % interval. A hollow square: too few personas for an interval. Every measure has its own scale; the thin line is zero."), tooFew(),
      h("div", { class: "forest" }, panels.map(([m, rows]) => h("div", { class: `panel ${m.name === primary ? "primary" : ""}` }, h("h3", {}, `${m.label}, ${m.unit}`, role(m) ? ` (${role(m)})` : ""), whiskers(rows), h("p", { class: "note" }, m.what))))),
    section("In numbers", table(["Measure", "Level", "Difference", "95 % interval", "n", "p", "p, adjusted"], panels.flatMap(([m, rows]) => rows.map((row) => [m.label, row.level, number(row.value, true), between(row, true), people(row), pValue(row.p), pValue(row.p_adjusted)])), [2, 3, 4, 5, 6]), tested.length ? h("p", { class: "note" }, `${index.result.test}.`) : null),
  );
};
const metricsPage = () => {
  const { metrics, members } = index.result;
  const labels = members.map((m) => m.label);
  const names = [...new Set(labels.flatMap((label) => Object.keys(metrics[label])))].sort();
  const place = h("div", {});
  const state = { q: "", differing: true };
  const draw = () => {
    const rows = names.filter((name) => name.includes(state.q) && (!state.differing || new Set(labels.map((label) => metrics[label][name])).size > 1));
    place.replaceChildren(rows.length ? table(["Metric", ...labels], rows.map((name) => [h("span", { class: "mono" }, parted(name)), ...labels.map((label) => number(metrics[label][name]))]), labels.map((_, i) => i + 1)) : none("No metric like that."));
    said.textContent = `${count(rows.length)} of ${count(names.length)}`;
  };
  const said = h("span", { class: "count", role: "status" });
  const field = h("input", { class: "field", type: "search", placeholder: "Find a metric", "aria-label": "Find a metric", "data-filter": "q", oninput: (event) => { state.q = event.target.value.trim().toLowerCase(); draw(); } });
  const only = h("label", {}, h("input", { type: "checkbox", checked: true, onchange: (event) => { state.differing = event.target.checked; draw(); } }), " only what differs");
  draw();
  return page(section("All metrics", h("div", { class: "tools" }, field, only, said), place));
};
