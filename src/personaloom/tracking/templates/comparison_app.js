// The comparison's parts.
const COMPARED = [["overview", "Overview"], ["differences", "Differences"], ["distributions", "Distributions"], ["samples", "Samples"], ["metrics", "Metrics"]];
const compared = (selected, query) => {
  const remember = (id, { noise, q }) => {
    const kept = Object.entries({ noise, q }).filter(([, value]) => value);
    setAddress(`#/samples${id ? `/${encodeURIComponent(id)}` : ""}${kept.length ? `?${new URLSearchParams(kept)}` : ""}`, true);
  };
  return { overview, differences: effectsPage, distributions: spreadPage, samples: () => samplesPage(selected, query, remember), metrics: metricsPage };
};
start(COMPARED, compared, () => {
  const failed = (index.result.sweep.failed ?? []).length;
  return [index.result.name, failed ? `${plural(failed, "job")} failed` : plural(index.result.members.length, "dataset"), failed > 0];
});
