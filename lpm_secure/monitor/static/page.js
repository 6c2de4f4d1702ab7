// What all pages share: elements, numbers, times, and the stream of what is new.

export const byId = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return made;
}

export function table(head, rows, caption) {
  const body = element("tbody", {}, ...rows.map((row) => {
    const [first, ...others] = row;
    const cells = others.map((value) => element("td", {}, value));
    return element("tr", {}, element("th", { scope: "row" }, first), ...cells);
  }));
  const top = element("tr", {}, ...head.map((name) => element("th", { scope: "col" }, name)));
  return element("table", { "aria-label": caption }, element("thead", {}, top), body);
}

export const replace = (where, ...children) => where.replaceChildren(...children);

export function setText(id, text) {
  const where = byId(id);
  if (where.textContent !== text) where.textContent = text;
}

export const count = (value) => value.toLocaleString("en", { maximumFractionDigits: 0 });

export const number = (value) => (Number.isInteger(value) ? count(value) : Number(value.toPrecision(4)).toString());

export const bytes = (value) => (value < 1024 * 1024 ? `${count(value / 1024)} KiB` : `${(value / 1048576).toFixed(1)} MiB`);

export const seconds = (value) => (value === null ? "none" : value < 1 ? `${(1000 * value).toFixed(1)} ms` : `${value.toFixed(1)} s`);

export const moment = (at) => new Date(at * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC";

export const words = {
  running: "running", ended: "ended", failed: "failed", interrupted: "interrupted",
  stopped: "stopped: nobody drives it any more",
};

// Listen to a stream; the browser connects again by itself, and tells from where.
export function listen(path, on) {
  const source = new EventSource(path);
  source.onopen = () => setText("connection", "");
  source.onerror = () => setText("connection", "The server does not answer; this page is as it was, and tries again.");
  for (const [name, act] of Object.entries(on)) source.addEventListener(name, (event) => act(JSON.parse(event.data)));
  return source;
}
