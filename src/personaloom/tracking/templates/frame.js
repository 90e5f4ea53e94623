// The frame: which part is shown, its address, and the colours. An address cannot be set in MLflow's frame; all else works.
let index = null;
let shown = null;
let frame = null; // { parts: [[name, label], …], pages: (selected, query) => {name: () => node} }
const split = (address) => {
  const [path, query = ""] = address.replace(/^#\/?/, "").split("?");
  const [part, ...rest] = path.split("/");
  const known = frame.parts.some(([name]) => name === part);
  return { part: known ? part : "overview", selected: decodeURIComponent(rest.join("/")), query: new URLSearchParams(query) };
};
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
  $("main").replaceChildren(frame.pages(selected, query)[part]());
  $("main").scrollTop = 0;
  for (const link of $("nav").children) {
    if (link.dataset.part === part) {
      link.setAttribute("aria-current", "page");
      link.scrollIntoView({ block: "nearest", inline: "nearest" }); // on a narrow screen the parts are a line to scroll
    } else link.removeAttribute("aria-current");
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
// Unpacks the index, names the page (title: () => [name, status, whether something is wrong]), and shows what the address asks for.
const boot = async (parts, pages, title, labelOf = (name, label) => label) => {
  frame = { parts, pages };
  let kept = 0;
  try {
    kept = Number(localStorage.getItem("personaloom-theme")) % themes.length || 0;
  } catch {
    kept = 0;
  }
  setTheme(kept);
  index = await unpack($("index").textContent);
  const [name, status, bad] = title();
  $("name").textContent = name;
  $("status").textContent = status;
  if (bad) $("status").classList.add("bad");
  $("nav").replaceChildren(...parts.map(([part, label]) => h("a", { href: `#/${part}`, "data-part": part }, labelOf(part, label))));
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
const start = (...args) =>
  boot(...args).catch((error) => {
    $("main").replaceChildren(h("p", { class: "wait" }, `This page could not be opened: ${error.message}`));
    throw error;
  });
