// The list of runs.
import { byId, element, listen, moment, replace, table } from "./page.js";

const far = (run) => (run.total ? `${run.unit} ${run.step} of ${run.total}` : "");

function show({ runs, operators }) {
  const rows = runs.map((run) => [
    element("div", {}, element("a", { href: `/runs/${encodeURIComponent(run.id)}` }, run.id), element("div", { class: "soft" }, `${run.kind}, ${moment(run.at)}`)),
    element("span", { class: `badge ${run.state}` }, run.state),
    far(run),
  ]);
  const none = element("p", {}, "There is no run in this folder yet; this page shows one as soon as it begins.");
  replace(byId("runs"), runs.length ? table(["run", "state", "how far"], rows, "Runs") : none);
  byId("operators").hidden = !operators.length;
  const links = operators.map((name) => element("li", {}, element("a", { href: `/operators/${encodeURIComponent(name)}` }, name)));
  replace(byId("operators").querySelector("ul"), ...links);
  document.title = runs.some((run) => run.state === "running") ? "Runs: one goes on" : "Runs";
}

listen("/api/runs", { message: show });
