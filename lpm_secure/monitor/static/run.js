// One run, as it goes.
import { Chart } from "./chart.js";
import { byId, bytes, count, element, listen, moment, number, replace, setText, table, words } from "./page.js";

const id = decodeURIComponent(location.pathname.split("/").pop());
const api = `/api/runs/${encodeURIComponent(id)}`;
const state = {};
let charts = [];
let cursor = null; // follows the last day until somebody moves it

function begin(head) {
  if (state.head?.run === head.run) {
    Object.assign(state, { end: null, runs: 0, ended: false }); // another process goes on, or more is known of what is counted
    if (head.parts.length && !state.head.parts.length) {
      state.head = head;
      layOut();
    }
    return;
  }
  Object.assign(state, { head, phase: "", steps: new Map(), fits: new Map(), lost: new Map(), end: null, news: "" });
  Object.assign(state, { posterior: [], forecast: null, runs: 0, bands: null, ended: false });
  cursor = null;
  document.title = `Run ${head.name}`;
  setText("title", `Run ${head.name}`);
  layOut();
}

function take(event) {
  if (event.event === "begin") begin(event);
  if (!state.head) return;
  if (event.event === "phase") state.phase = event.phase;
  if (event.event === "step") state.steps.set(event.step, event);
  if (event.event === "fit") {
    state.fits.set(event.step, event);
    if (event.posterior.length) Object.assign(state, { posterior: event.posterior, forecast: event.forecast });
  }
  if (event.event === "ensemble") {
    state.runs = event.step;
    if (event.groups.length) state.bands = event;
  }
  if (event.event === "party") {
    state.lost.set(event.party, { code: event.code, step: lastStep()?.step ?? 0 });
    state.news = `${event.party} was lost`;
  }
  if (event.event === "end") {
    state.end = event;
    state.news = `The run has ${event.outcome === "ended" ? "ended" : event.outcome === "failed" ? "failed" : "been interrupted"}.`;
  }
}

const lastStep = () => (state.steps.size ? state.steps.get(Math.max(...state.steps.keys())) : null);
const lastFit = () => (state.fits.size ? state.fits.get(Math.max(...state.fits.keys())) : null);

function layOut() {
  charts = state.head.parts.map((part) => new Chart(`${part.part} agents`));
  if (!charts.length) return replace(byId("series"));
  const slider = element("input", { type: "range", id: "day", min: 0, max: 0, value: 0 });
  slider.addEventListener("input", () => {
    cursor = Number(slider.value) >= Number(slider.max) ? null : Number(slider.value);
    draw();
  });
  replace(
    byId("series"),
    element("h2", {}, "Series"),
    element("div", { class: "charts" }, ...charts.map((chart) => chart.figure)),
    element("div", { class: "day" }, element("label", { for: "day" }, "Day"), slider, element("output", { for: "day", id: "day-shown" })),
    element("div", { class: "scroll", id: "numbers", tabindex: 0, role: "region", "aria-label": "Numbers of a day" }),
  );
}

function drawSeries() {
  if (!charts.length || !state.steps.size) return;
  const { head } = state;
  const steps = [...state.steps.keys()].sort((a, b) => a - b).map((step) => state.steps.get(step));
  const days = steps.map((step) => step.step * head.dt);
  const at = cursor === null ? steps.length - 1 : Math.min(cursor, steps.length - 1);
  head.parts.forEach((part, place) => {
    const lines = part.names.map((name, column) => ({ name, values: steps.map((step) => step.values[place][column]) }));
    charts[place].show(days, lines, { last: head.total * head.dt });
    charts[place].point(cursor === null ? null : at);
  });
  const slider = byId("day");
  slider.max = steps.length - 1;
  slider.value = at;
  slider.setAttribute("aria-valuetext", `day ${number(days[at])}`);
  setText("day-shown", `${number(days[at])}${cursor === null ? ", the last one" : ""}`);
  const names = head.parts[0].names;
  const rows = names.map((name, column) => [name, ...head.parts.map((_, place) => count(steps[at].values[place][column]))]);
  replace(byId("numbers"), table(["agents", ...head.parts.map((part) => part.part)], rows, `Agents on day ${number(days[at])}`));
}

function partyState(name) {
  const lost = state.lost.get(name);
  if (lost) return ["lost", `lost by day ${number(lost.step * state.head.dt)}, ${lost.code < 0 ? `killed by signal ${-lost.code}` : `ended with code ${lost.code}`}`];
  const now = lastStep() ?? lastFit();
  if (!now) return ["expected", "expected"];
  if (now.refused.includes(name)) return ["refused", "refused: words out of range"];
  if (now.late?.includes(name)) return ["late", state.end ? "not in the last round" : "late"];
  return now.late ? ["here", "here"] : ["", ""];
}

function drawParties() {
  const { head } = state;
  const now = lastStep() ?? lastFit();
  byId("parties").hidden = !head.clients.length;
  const told = !now || now.late !== null;
  setText("members", now && now.members !== null
    ? `${now.members} of ${head.clients.length} clients took part in the last round.${told ? "" : " The engine is told their number, not their names."}`
    : "");
  const chips = (names, stateOf) => names.map((name) => {
    const [kind, text] = stateOf(name);
    return element("li", { class: kind || "soft" }, text ? `${name}: ${text}` : name);
  });
  replace(byId("clients"), ...chips(head.clients, partyState));
  replace(byId("servers"), ...chips(head.servers, (name) => (state.lost.has(name) ? partyState(name) : ["soft", "server"])));
}

function drawCost() {
  const { head } = state;
  byId("cost").hidden = !head.releases.length;
  replace(byId("releases"), ...head.releases.map((release) => element("li", {}, release)));
  const spent = lastStep()?.spent ?? 0;
  setText("budget", head.unit !== "day" ? "" : head.rho
    ? `Spent ${number(spent)} of the privacy budget rho ${number(head.rho)}; exact releases are outside of it.`
    : "No release has noise, so there is no privacy budget: what is opened is opened exactly.");
  const all = [...state.steps.values()].reduce((sum, step) => sum + step.traffic, 0);
  setText("bytes", all ? `${bytes(all)} of vectors went between clients and aggregators.` : head.clients.length && head.unit === "day" ? "The engine of this run is not told how many bytes clients and aggregators exchange." : "");
}

const fitCharts = {};
function drawFit() {
  const fits = [...state.fits.keys()].sort((a, b) => a - b).map((step) => state.fits.get(step)).filter((fit) => fit.loss !== null);
  if (!fits.length) return;
  const where = byId("fit");
  if (!fitCharts.loss) {
    fitCharts.loss = new Chart("loss", { fromZero: false, label: "round" });
    fitCharts.events = new Chart("events a day in all places, fitted periods", { label: "period" });
    fitCharts.heading = element("h3", {}, "Posterior by now: median, and what 90 % of draws lie between");
    fitCharts.posterior = element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Posterior" });
    replace(where, element("h2", {}, "Fit"), element("div", { class: "charts" }, fitCharts.loss.figure, fitCharts.events.figure), fitCharts.heading, fitCharts.posterior);
  }
  fitCharts.loss.show(fits.map((fit) => fit.step), [{ name: "loss", values: fits.map((fit) => fit.loss) }]);
  fitCharts.events.figure.hidden = !state.forecast;
  fitCharts.heading.hidden = fitCharts.posterior.hidden = !state.posterior.length;
  if (state.forecast) {
    const { median, low, high, name } = state.forecast;
    fitCharts.events.show(median.map((_, at) => at), [{ name, values: median, low, high }]);
  }
  const rows = state.posterior.flatMap((band) => band.median.map((median, at) => [
    band.median.length > 1 ? `${band.name}, ${at + 1}` : band.name, number(median), `${number(band.low[at])} to ${number(band.high[at])}`,
  ]));
  if (rows.length) replace(fitCharts.posterior, table(["parameter", "median", "90 % of draws"], rows, "Posterior"));
}

const bandCharts = new Map(); // by title: a plot stays, with what its reader has hidden, and the focus
function drawBands(days, groups, text) {
  const isNew = !byId("bands") || groups.some((group) => !bandCharts.has(group.title));
  for (const group of groups) {
    if (!bandCharts.has(group.title)) bandCharts.set(group.title, new Chart(group.title));
    bandCharts.get(group.title).show(days, group.series.map((line) => (group.seeds > 1 ? { name: line.name, values: line.median, low: line.low, high: line.high } : { name: line.name, values: line.median })));
  }
  const figures = groups.map((group) => bandCharts.get(group.title).figure);
  if (isNew) replace(byId("series"), element("h2", {}, "Series"), element("p", { id: "bands" }), element("div", { class: "charts" }, ...figures));
  setText("bands", text);
}

function drawEnsemble() {
  if (!state.bands || state.bands === state.drawn || state.ended) return;
  state.drawn = state.bands;
  const seeds = Math.max(...state.bands.groups.map((group) => group.seeds));
  drawBands(state.bands.days, state.bands.groups, seeds > 1 ? `Medians of ${seeds} seeds by now; a band holds 90 % of them.` : "One seed by now: there is no band yet.");
}

function drawWhere() {
  const { head } = state;
  const step = (lastFit() ?? lastStep())?.step ?? (state.runs || undefined);
  setText("kind", head.kind);
  const shown = head.unit === "day" ? number((step ?? 0) * head.dt) : step ?? 0;
  const total = head.unit === "day" ? number(head.total * head.dt) : head.total;
  setText("where", step === undefined ? (state.end ? "" : "Nothing is released yet.") : `${head.unit} ${shown} of ${total}`);
  byId("done").max = head.total;
  byId("done").value = step ?? 0;
  setText("phase", state.end ? state.end.reason : state.phase ? `Now: ${state.phase}.` : "");
  setText("news", state.news);
  const facts = byId("facts");
  facts.hidden = !head.facts.length;
  replace(facts.querySelector("ul"), ...head.facts.map((fact) => element("li", {}, fact)));
  const results = state.end ? Object.entries(state.end.results) : [];
  byId("results").hidden = !results.length;
  replace(byId("results").querySelector("dl"), ...results.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

function draw() {
  if (!state.head) return;
  drawWhere();
  drawSeries();
  drawParties();
  drawCost();
  drawFit();
  drawEnsemble();
}

let waiting = false;
function drawSoon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    draw();
  });
}

async function showBands() {
  const [series, forecast] = await Promise.all(["bands", "forecast"].map(async (name) => (await fetch(`${api}/${name}`)).json()));
  if (series && !state.steps?.size) {
    state.ended = true;
    const text = series.seeds > 1 ? `Medians of ${series.seeds} seeds; a band holds 90 % of them.` : "One seed: there is no band.";
    drawBands(series.days, series.groups.map((group) => ({ ...group, seeds: series.seeds })), text);
  }
  if (forecast) {
    const chart = new Chart("forecast of events a day, all places together");
    chart.show(forecast.days.map((_, at) => at), [{ name: "median, and 90 % of draws", values: forecast.median, low: forecast.low, high: forecast.high }], { labels: forecast.days });
    const text = `The first ${forecast.fitted} periods were fitted; the others are forecast. No institution's own series is on this page.`;
    byId("forecast")?.remove();
    byId("fit").after(element("section", { id: "forecast", "aria-label": "Forecast" }, element("h2", {}, "Forecast"), element("p", {}, text), chart.figure));
  }
}

let shown = "";
function showCard(card) {
  if (!card) return;
  setText("badge", card.state);
  byId("badge").className = `badge ${card.state}`;
  byId("badge").title = words[card.state];
  if (!state.head) {
    setText("title", `Run ${card.name}`);
    setText("kind", `${card.kind}, ${moment(card.at)}`);
    setText("where", card.total ? "" : "This run left no journal of its steps.");
    byId("done").hidden = true;
  } else byId("done").hidden = false;
  const names = { "report.html": "Report", "audit.html": "Audit", "tornado.html": "Tornado plots" };
  const links = card.pages.flatMap((page) => [element("a", { href: `/runs/${encodeURIComponent(id)}/${page}` }, names[page]), " "]);
  replace(byId("reports"), ...links);
  const now = [card.state, ...card.pages].join(); // series and forecasts are written before the report
  if (card.state !== "running" && shown !== now) showBands();
  shown = now;
}

listen(`${api}/events`, {
  message: (events) => {
    events.forEach(take);
    drawSoon();
  },
  card: showCard,
  anew: () => { state.head = null; },
});
