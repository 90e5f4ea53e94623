// The report's parts.
const PARTS = [["overview", "Overview"], ["conversations", "Conversations"], ["personas", "Personas"], ["noise", "Noise"], ["quality", "Quality"], ["usage", "Tokens and cost"], ["failures", "Failures"], ["config", "Config"]];
const pages = (selected, query) => {
  const remember = (id, { noise, persona, q }) => {
    const kept = Object.entries({ noise, persona, q }).filter(([, value]) => value);
    setAddress(`#/conversations${id ? `/${encodeURIComponent(id)}` : ""}${kept.length ? `?${new URLSearchParams(kept)}` : ""}`, true);
  };
  return { overview, conversations: () => talksPage(selected, query, remember), personas: () => personasPage(selected), noise: noisePage, quality: qualityPage, usage: usagePage, failures: failuresPage, config: configPage };
};
const title = () => {
  const m = index.manifest;
  const print = String(m.fingerprint).slice(0, 12);
  return m.status === "done" ? [m.name, print, false] : [m.name, `${words(m.status)} · ${print}`, true];
};
start(PARTS, pages, title, (part, label) => (part === "failures" && index.failures.total ? `${label} (${count(index.failures.total)})` : label));
