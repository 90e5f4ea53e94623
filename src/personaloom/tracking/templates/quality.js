// What the checks, the measures and the judge say of the samples: headline figures; all of them are in statistics.json.
const FIGURES = [
  ["Diversity", "On equal lengths, so that the amount of text does not decide.", [
    ["user_distinct_2", "Users: different word pairs"], ["user_mattr_50", "Users: type-token ratio in windows of 50"], ["user_mtld", "Users: MTLD, in words"], ["user_compression_ratio", "Users: compression ratio"],
    ["assistant_distinct_2", "Answers: different word pairs"], ["assistant_mattr_50", "Answers: type-token ratio in windows of 50"], ["assistant_mtld", "Answers: MTLD, in words"], ["assistant_compression_ratio", "Answers: compression ratio"],
    ["near_duplicates", "Conversations that another one nearly repeats"], ["seed_overlap_initial_query", "Words of the first message that are the seed query’s"]]],
  ["Personas", "Does a conversation point to its persona, and do personas differ as much as their parts allow (1 = as a shuffled population)?", [
    ["retrieval_to_persona", "Persona found from its conversation"], ["retrieval_to_conversation", "Conversation found from its persona"], ["retrieval_chance", "The same by chance"], ["style_effect", "Share of style that features explain (mean ω²)"],
    ["collapse_coverage", "Coverage"], ["collapse_uniformity", "Uniformity"], ["collapse_complexity", "Complexity"]]],
  ["Lengths", null, [["turns", "Turns a conversation"], ["user_words", "Words a user message"], ["assistant_words", "Words an answer"], ["tokens", "Tokens a conversation"]]],
];
const figure = (value) => (isNumber(value) ? value.toLocaleString("en", { maximumSignificantDigits: 3 }) : "–");
const figureRows = (figures, wanted) => wanted.filter(([name]) => figures[name]).map(([name, label]) => [label, figure(figures[name].value), isNumber(figures[name].low) ? `${figure(figures[name].low)} to ${figure(figures[name].high)}` : ""]);
const figureTable = (rows) => table(["", "Value", "95 % interval"], rows, [1, 2]);
const rest = (figures, prefix, label) => Object.keys(figures).filter((name) => name.startsWith(prefix)).map((name) => [name, label(words(name.slice(prefix.length)))]);
const qualityPage = () => {
  const q = index.manifest.quality;
  if (!q) return page(section("Quality", none("Nothing was measured: no samples were made.")));
  const { figures = {}, judge, pairs } = q;
  const found = Object.entries(q.by_check ?? {}).sort((a, b) => b[1] - a[1]);
  const parts = [
    ...FIGURES,
    ["Distance to the reference corpus", "Jensen–Shannon divergence in bits: 0 for equal shapes, 1 for no overlap.", rest(figures, "reference_", (name) => name)],
    ["Overlap with benchmarks", "Share of conversations that hold a long run of words of a benchmark.", rest(figures, "overlap_", (name) => name)],
  ].map(([title, note, wanted]) => [title, note, figureRows(figures, wanted)]).filter(([, , rows]) => rows.length);
  const scores = figureRows(figures, rest(figures, "judge_", (name) => name));
  return page(
    h("section", {}, h("p", { class: "lede" }, "Of the samples ", bold(count(q.rejected)), q.rejected === 1 ? " was taken out and " : " were taken out and ", bold(count(q.flagged)), q.flagged === 1 ? " is flagged." : " are flagged."),
      q.note ? h("p", { class: "note" }, q.note) : null,
      found.length ? bars(found.map(([name, n]) => [words(name), [[n, ""]], count(n)])) : q.action === "off" ? h("p", { class: "note" }, "The checks were off.") : h("p", { class: "note" }, "No check found a fault."),
      Object.keys(q.private ?? {}).length ? h("p", { class: "note" }, "Personal data and secrets by pattern: ", Object.entries(q.private).map(([kind, n]) => `${words(kind)} ${count(n)}`).join(", "), ".") : null),
    judge ? section("Judge", judge.note ? h("p", { class: "note" }, judge.note) : null,
      h("p", { class: "note" }, `${plural(judge.judged, "sample")} judged by ${Object.keys(judge.models ?? {}).join(", ") || "nobody"}, ${count(judge.refused)} below the least scores, ${count(judge.skipped)} left out${judge.failed ? `, ${count(judge.failed)} could not be scored` : ""}.`, (judge.skipped_because ?? []).length ? ` For instance: ${judge.skipped_because[0]}.` : ""),
      scores.length ? figureTable(scores) : null) : null,
    pairs ? section("Pairs", pairs.note ? h("p", { class: "note" }, pairs.note) : null,
      h("p", { class: "note" }, `${plural(pairs.compared, "conversation")} compared with the clean twin by ${Object.keys(pairs.models ?? {}).join(", ") || "nobody"}, twice, with places swapped: the clean one won ${count(pairs.wins?.clean)}, the noisy one ${count(pairs.wins?.noisy)}, ${plural(pairs.ties ?? 0, "was a tie", "were ties")}. In ${count(pairs.disagreements)} the two orders disagreed (${plural(pairs.disagreements_by_place?.first ?? 0, "time")} for the first place, ${count(pairs.disagreements_by_place?.second)} for the second). ${count(pairs.skipped)} left out${pairs.failed ? `, ${count(pairs.failed)} could not be compared` : ""}.`, (pairs.skipped_because ?? []).length ? ` For instance: ${pairs.skipped_because[0]}.` : ""),
      figureTable(figureRows(figures, rest(figures, "pairs_", (name) => name)))) : null,
    q.people ? section("People", h("p", { class: "note" }, `${plural(q.people.annotators, "annotator")}, ${plural(q.people.items, "message")}. The checker of noise against their majority; agreement is Krippendorff’s α.`),
      figureTable([...["precision", "recall"].map((name) => [`Noise checker: ${name}`, figure(q.people.checker[name].value), `${figure(q.people.checker[name].low)} to ${figure(q.people.checker[name].high)}`]), ...Object.entries(q.people.agreement).map(([name, alpha]) => [`Agreement on ${words(name)}`, figure(alpha), ""])])) : null,
    parts.map(([title, note, rows]) => section(title, note ? h("p", { class: "note" }, note) : null, figureTable(rows))),
    h("p", { class: "note" }, "All figures, with what they are measured on, are in statistics.json."),
  );
};
