// The frame: which part is shown, its address, and the colours. An address cannot be set in MLflow's frame; all else works.
let index = null;
const PARTS = [["overview", "Overview"], ["conversations", "Conversations"], ["personas", "Personas"], ["noise", "Noise"], ["usage", "Tokens and cost"], ["failures", "Failures"], ["config", "Config"]];
const split = (address) => {
  const [path, query = ""] = address.replace(/^#\/?/, "").split("?");
  const [part, ...rest] = path.split("/");
  const known = PARTS.some(([name]) => name === part);
  return { part: known ? part : "overview", selected: decodeURIComponent(rest.join("/")), query: new URLSearchParams(query) };
};
let shown = null;
const setAddress = (address, replace = false) => {
  shown = address;
  try {
    if (replace) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
  } catch {
    // In a sandboxed frame the address stays as it is.
  }
};
const show = (address) => {
  const { part, selected, query } = split(address);
  shown = address;
  const remember = (id, { noise, persona, q }) => {
    const kept = Object.entries({ noise, persona, q }).filter(([, value]) => value);
    setAddress(`#/conversations${id ? `/${encodeURIComponent(id)}` : ""}${kept.length ? `?${new URLSearchParams(kept)}` : ""}`, true);
  };
  const parts = { overview, conversations: () => talksPage(selected, query, remember), personas: () => personasPage(selected), noise: noisePage, usage: usagePage, failures: failuresPage, config: configPage };
  $("main").replaceChildren(parts[part]());
  $("main").scrollTop = 0;
  for (const link of $("nav").children) {
    if (link.dataset.part === part) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.documentElement.dataset.part = part;
};
const follow = (event) => {
  const link = event.target.closest("a[href^='#/']");
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  setAddress(link.getAttribute("href"));
  show(link.getAttribute("href"));
};
const themes = [["", "◐", "as the system"], ["light", "☀", "light"], ["dark", "☾", "dark"]];
const setTheme = (at) => {
  const [name, sign, said] = themes[at];
  if (name) document.documentElement.dataset.theme = name;
  else delete document.documentElement.dataset.theme;
  $("theme").textContent = sign;
  $("theme").setAttribute("aria-label", `Colours: ${said}`);
  $("theme").title = `Colours: ${said}`;
  $("theme").onclick = () => {
    const next = (at + 1) % themes.length;
    try {
      localStorage.setItem("personaloom-theme", String(next));
    } catch {
      // Remembering it is a comfort, no more.
    }
    setTheme(next);
  };
};
const boot = async () => {
  let kept = 0;
  try {
    kept = Number(localStorage.getItem("personaloom-theme")) % themes.length || 0;
  } catch {
    kept = 0;
  }
  setTheme(kept);
  index = await unpack($("index").textContent);
  const m = index.manifest;
  $("name").textContent = m.name;
  $("status").textContent = m.status === "done" ? `${String(m.fingerprint).slice(0, 12)}` : `${words(m.status)} · ${String(m.fingerprint).slice(0, 12)}`;
  if (m.status !== "done") $("status").classList.add("bad");
  $("nav").replaceChildren(...PARTS.map(([part, label]) => h("a", { href: `#/${part}`, "data-part": part }, part === "failures" && index.failures.total ? `${label} (${count(index.failures.total)})` : label)));
  document.addEventListener("click", follow);
  document.addEventListener("keydown", (event) => {
    const field = document.querySelector("[data-filter=q], .field");
    if (event.key === "/" && field && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName)) {
      event.preventDefault();
      field.focus();
    }
  });
  const fromAddress = () => location.hash !== shown && show(location.hash);
  addEventListener("hashchange", fromAddress);
  addEventListener("popstate", fromAddress);
  show(location.hash);
  document.documentElement.dataset.ready = "yes";
};
boot().catch((error) => {
  $("main").replaceChildren(h("p", { class: "wait" }, `This page could not be opened: ${error.message}`));
  throw error;
});
