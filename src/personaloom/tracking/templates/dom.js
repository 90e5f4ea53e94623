// Building the page. Text only ever enters as a text node, so nothing a conversation says can become markup.
const $ = (id) => document.getElementById(id);
const h = (tag, props = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") node.className = value;
    else if (key === "style") Object.assign(node.style, value);
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "value") node.value = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
};
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const count = (value) => (isNumber(value) ? Math.round(value).toLocaleString("en") : "–");
const percent = (part, whole) => (isNumber(part) && whole ? `${((100 * part) / whole).toFixed(1)} %` : "–");
const fixed = (value, digits = 1) => (isNumber(value) ? value.toFixed(digits) : "–");
const dollars = (value) => {
  if (!isNumber(value)) return "unknown";
  if (value === 0) return "$0";
  return value < 1 ? `$${Number(value.toPrecision(3))}` : `$${value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
};
const words = (name) => String(name).replaceAll("_", " ");
// A name with places where a line may break, so that a narrow screen cuts no word.
const parted = (text) => String(text).split(/(?<=[._/,=])/).flatMap((part) => [part, h("wbr")]);
const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
const seconds = (value) => {
  if (!isNumber(value)) return "–";
  return value < 90 ? `${value.toFixed(1)} s` : value < 5400 ? `${(value / 60).toFixed(0)} min` : `${(value / 3600).toFixed(1)} h`;
};
const moment = (text) => {
  const date = new Date(text);
  return text && !Number.isNaN(date.getTime()) ? `${date.toLocaleString("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "UTC" })} UTC` : "";
};
const none = (text) => h("p", { class: "none" }, text);
