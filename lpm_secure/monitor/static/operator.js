// One aggregator, as its operator sees it.
import { byId, bytes, count, element, listen, number, replace, seconds, setText, table } from "./page.js";

const name = decodeURIComponent(location.pathname.split("/").pop());
const METHODS = {
  Join: "joins", Exchange: "shares and answers", Announce: "announcements", Members: "agreement on members",
  Compared: "comparisons on shares", Tried: "trials of sums", Masked: "masked words", Correspond: "letters between clients", Sealed: "sealed calls of clients",
};

const COMPUTATIONS = {
  SPEAK: "ranges of messages, and small counts", DECIDE: "levels against thresholds", THRESHOLDS: "ranges of thresholds", TOKENS: "tokens of contacts", SCORE: "scores",
};

function showComputations(rows) {
  if (!rows.length) return [];
  const cells = rows.map((row) => [COMPUTATIONS[row.name] ?? row.name, count(row.count), seconds(row.mean_s)]);
  return [element("h2", {}, "Comparisons on shares"), table(["of", "times", "mean time"], cells, "Comparisons on shares")];
}

function showCalls(metrics) {
  if (metrics === null) return replace(byId("calls"), element("p", {}, "This aggregator tells no metrics: give metrics_port in its configuration."));
  if (!metrics.up) return replace(byId("calls"), element("p", { class: "lost" }, "The aggregator does not answer on its metrics_port."));
  const rows = metrics.methods.map((row) => [METHODS[row.method] ?? row.method, count(row.calls), count(row.refused), bytes(row.received), bytes(row.sent), seconds(row.mean_s)]);
  replace(
    byId("calls"),
    element("h2", {}, "Calls"),
    element("p", { id: "queue" }, `${metrics.waiting} calls wait for their round.`),
    element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Calls by kind" }, table(["call", "answered", "refused", "received", "sent", "mean time"], rows, "Calls")),
    ...showComputations(metrics.computations),
  );
}

function showRun(run) {
  const chips = Object.entries(run.clients).map(([client, state]) => element("li", { class: state }, `${client}: ${state}`));
  const here = Object.values(run.clients).filter((state) => state === "here").length;
  const releases = run.releases.map((each) => element("li", {}, `${each.name}: ${count(each.made)} times, ${each.sigma ? `noise of sigma ${number(each.sigma)}` : "exact"}`));
  const refusals = run.refusals.map((each) => element("li", {}, `round ${each.round}: ${each.code}: ${each.reason}`));
  return [
    element("h2", {}, `Run ${run.name} (${run.run})`),
    element("p", {}, run.round === null ? "No round has closed yet." : `Round ${run.round + 1} of ${run.rounds} has closed, in step ${run.step}.`),
    element("p", {}, `${here} of ${chips.length} clients took part in it; a release is over at least ${run.min_cohort}.`),
    element("ul", { class: "chips", "aria-label": `Clients of ${run.name}` }, ...chips),
    element("h3", {}, "Released"),
    element("ul", {}, ...releases),
    element("p", {}, run.budget ? `Spent ${number(run.spent)} of the privacy budget rho ${number(run.budget)}.` : "No release has noise, so there is no privacy budget."),
    ...(refusals.length ? [element("h3", {}, "Rounds that did not close"), element("ul", {}, ...refusals)] : []),
  ];
}

setText("title", `Aggregator ${name}`);
document.title = `Aggregator ${name}`;
listen(`/api/operators/${encodeURIComponent(name)}`, {
  message: (status) => {
    showCalls(status.metrics);
    replace(byId("runs"), ...status.runs.flatMap(showRun));
  },
});
