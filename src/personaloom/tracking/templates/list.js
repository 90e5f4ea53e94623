// A list of any length that holds only the rows in sight. Arrows, Page, Home and End move; Enter opens.
class VirtualList {
  constructor({ label, draw, choose, open, rowHeight = 66 }) {
    Object.assign(this, { draw, choose, open, rowHeight, items: [], at: -1 });
    this.spacer = h("div", { class: "spacer", role: "presentation" });
    this.node = h("div", { class: "list", role: "listbox", tabindex: "0", "aria-label": label, onscroll: () => this.paint(), onkeydown: (event) => this.key(event) }, this.spacer);
    new ResizeObserver(() => this.paint()).observe(this.node);
  }
  show(items, selected = null, still = false) {
    this.items = items;
    this.at = selected === null ? -1 : items.indexOf(selected);
    this.spacer.style.height = `${items.length * this.rowHeight}px`;
    if (this.at >= 0 && !still) this.reveal();
    else if (!still) this.node.scrollTop = 0;
    this.paint(true);
  }
  paint(anew = false) {
    const first = Math.max(0, Math.floor(this.node.scrollTop / this.rowHeight) - 6);
    const last = Math.min(this.items.length, Math.ceil((this.node.scrollTop + this.node.clientHeight) / this.rowHeight) + 6);
    if (!anew && first === this.first && last === this.last) return;
    Object.assign(this, { first, last });
    const rows = [];
    for (let i = first; i < last; i++) {
      const props = { class: "row", role: "option", id: `row-${i}`, "aria-selected": String(i === this.at), "aria-setsize": this.items.length, "aria-posinset": i + 1, style: { top: `${i * this.rowHeight}px` }, onclick: () => this.move(i, true) };
      rows.push(h("div", props, this.draw(this.items[i])));
    }
    this.spacer.replaceChildren(...rows);
    if (this.at >= first && this.at < last) this.node.setAttribute("aria-activedescendant", `row-${this.at}`);
    else this.node.removeAttribute("aria-activedescendant");
  }
  move(to, opened = false) {
    if (!this.items.length) return;
    this.at = Math.max(0, Math.min(this.items.length - 1, to));
    this.reveal();
    this.paint(true);
    this.choose(this.items[this.at], opened);
  }
  reveal() {
    const top = this.at * this.rowHeight;
    if (top < this.node.scrollTop) this.node.scrollTop = top;
    else if (top + this.rowHeight > this.node.scrollTop + this.node.clientHeight) this.node.scrollTop = top + this.rowHeight - this.node.clientHeight;
  }
  key(event) {
    const page = Math.max(1, Math.floor(this.node.clientHeight / this.rowHeight) - 1);
    const steps = { ArrowDown: this.at + 1, ArrowUp: this.at - 1, j: this.at + 1, k: this.at - 1, PageDown: this.at + page, PageUp: this.at - page, Home: 0, End: this.items.length - 1 };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in steps) this.move(steps[event.key]);
    else if (event.key === "Enter" && this.at >= 0) this.open(this.items[this.at]);
    else return;
    event.preventDefault();
  }
}
