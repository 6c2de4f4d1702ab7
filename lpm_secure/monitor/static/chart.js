// Lines and bands over days, drawn again whenever there are more or the page gets another width.

const SPACE = "http://www.w3.org/2000/svg";
const MARGIN = { left: 52, right: 10, top: 8, bottom: 24 };
const DASHES = ["", "7 3", "2 3", "9 3 2 3"];
export const LINES = 10;

function svg(tag, attributes, text) {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const short = (value) => {
  for (const [size, word] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (Math.abs(value) >= size) return `${Number((value / (word === "k" ? 1000 : size)).toPrecision(3))}${word}`;
  }
  return String(Number(value.toPrecision(3)));
};

function ticks(low, high, most) {
  const rough = (high - low) / Math.max(most, 1) || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((each) => each * power >= rough) ?? 10);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step / 1e6; value += step) found.push(value);
  return found;
}

export class Chart {
  // lines: [{name, values, low?, high?}] of the same days.
  constructor(title, { fromZero = true, label = "day" } = {}) {
    this.title = title;
    this.fromZero = fromZero;
    this.label = label;
    this.days = [];
    this.lines = [];
    this.labels = null;
    this.cursor = null;
    this.last = null;
    this.hidden = new Set();
    this.waiting = false;
    this.figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.textContent = title;
    this.drawing = svg("svg", { role: "img", "aria-label": title });
    this.legend = document.createElement("ul");
    this.legend.className = "legend";
    this.figure.append(caption, this.drawing, this.legend);
    new ResizeObserver(() => this.draw()).observe(this.figure);
  }

  show(days, lines, { last = null, labels = null } = {}) {
    Object.assign(this, { days, lines, last, labels });
    this.draw();
  }

  point(index) {
    this.cursor = index;
    this.draw();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  paint() {
    const width = Math.max(this.drawing.clientWidth, 120);
    const height = Math.max(this.drawing.clientHeight, 80);
    const seen = this.lines.filter((line) => !this.hidden.has(line.name));
    const edges = seen.flatMap((line) => [line.values, line.low ?? [], line.high ?? []]).flat().filter(Number.isFinite);
    let low = Math.min(...edges, this.fromZero ? 0 : Infinity);
    let high = Math.max(...edges, this.fromZero ? 1 : -Infinity);
    if (!(low < high)) [low, high] = [(Number.isFinite(low) ? low : 0) - 1, (Number.isFinite(high) ? high : 0) + 1];
    const first = this.days[0] ?? 0;
    const end = Math.max(this.last ?? 0, this.days.at(-1) ?? 1, first + 1e-9);
    const x = (day) => MARGIN.left + ((day - first) / (end - first)) * (width - MARGIN.left - MARGIN.right);
    const y = (value) => height - MARGIN.bottom - ((value - low) / (high - low)) * (height - MARGIN.top - MARGIN.bottom);
    const parts = [];
    for (const value of ticks(low, high, 5)) {
      parts.push(svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }));
      parts.push(svg("text", { x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)));
    }
    const wide = this.labels ? 90 : 45;
    for (const day of ticks(first, end, Math.floor((width - MARGIN.left) / wide))) {
      const text = this.labels ? (this.labels[day] ?? "") : short(day);
      const anchor = x(day) > width - wide / 2 ? "end" : x(day) < MARGIN.left + 4 ? "start" : "middle";
      parts.push(svg("text", { x: x(day), y: height - 8, "text-anchor": anchor }, text));
    }
    const path = (values) => values.map((value, at) => `${at ? "L" : "M"}${x(this.days[at]).toFixed(1)} ${y(value).toFixed(1)}`).join("");
    this.lines.forEach((line, place) => {
      if (this.hidden.has(line.name)) return;
      const colour = `line-${place % LINES}`;
      if (line.low && line.high) {
        const back = line.low.map((value, at) => `L${x(this.days[at]).toFixed(1)} ${y(value).toFixed(1)}`).reverse().join("");
        parts.push(svg("path", { class: `band ${colour}`, d: `${path(line.high)}${back}Z` }));
      }
      const dash = DASHES[place % DASHES.length];
      parts.push(svg("path", { class: `line ${colour}`, d: path(line.values), "stroke-dasharray": dash || "none" }));
    });
    if (this.cursor !== null && this.cursor < this.days.length) {
      const at = x(this.days[this.cursor]);
      parts.push(svg("line", { class: "cursor", x1: at, x2: at, y1: MARGIN.top, y2: height - MARGIN.bottom }));
    }
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const names = this.lines.map((line) => line.name).join(", ");
    this.drawing.setAttribute("aria-label", `${this.title} by ${this.label}: ${names}`);
    this.drawing.replaceChildren(...parts);
    if (this.names !== names) this.explain(names);
  }

  explain(names) {
    this.names = names;
    this.legend.replaceChildren(...this.lines.map((line, place) => {
      const sample = svg("svg", { viewBox: "0 0 32 10", "aria-hidden": "true" });
      const dash = DASHES[place % DASHES.length];
      sample.append(svg("path", { class: `line line-${place % LINES}`, d: "M0 5H32", "stroke-dasharray": dash || "none" }));
      const item = document.createElement("li");
      const button = document.createElement("button"); // shows or hides the line: one that is large flattens the others
      button.type = "button";
      button.setAttribute("aria-pressed", !this.hidden.has(line.name));
      button.append(sample, ` ${line.name}`);
      button.addEventListener("click", () => {
        if (!this.hidden.delete(line.name)) this.hidden.add(line.name);
        button.setAttribute("aria-pressed", !this.hidden.has(line.name));
        this.draw();
      });
      item.append(button);
      return item;
    }));
  }
}
