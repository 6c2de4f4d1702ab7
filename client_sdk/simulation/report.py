"""A client's own page of a run: who asked for what, what was told to whom, its own people, and what was released."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from client_sdk.simulation.record import RunRecord
from protocols.atomic_file import write_atomically
from protocols.quantity import quantity
from protocols.report import html
from protocols.report.disclosure import describe_cost, describe_disclosure
from protocols.report.line_plot import line_plot
from protocols.task.manifest import SimulationManifest, run_id
from protocols.wire.transport import Transport

OWN: Final = "Your own people. This page and its table are yours alone: no other party of the run has them."
MOST_NAMED: Final = 20  # steps that were missed


def write_report(path: Path, record: RunRecord, transports: Sequence[Transport], *, files: tuple[str, str]) -> None:
    """Write the page, whole; of a run that stopped, of what there was until then.

    Args:
        path: of the page.
        record: of the run.
        transports: to the aggregators, which count bytes.
        files: names of the tables of own agents' outcomes and of the releases.

    Security: it counts own agents by their stages, and so has mode 0600.
    """
    sent, received = (sum(getattr(each, way) for each in transports) for way in ("sent", "received"))
    write_atomically(path, _page(record, files, sent=sent, received=received).encode())


def _page(record: RunRecord, files: tuple[str, str], *, sent: int, received: int) -> str:
    client, manifest = record.client, record.client.manifest
    name, missed = client.private.name, sorted(set(client.missed))
    stopped = client.step <= manifest.steps
    which = f": {', '.join(map(str, missed[:MOST_NAMED]))}{', ...' if len(missed) > MOST_NAMED else ''}"
    parts = [
        *([html.warning(f"The run stopped before step {client.step}; this page ends there.")] if stopped else ()),
        html.paragraph(
            f"A run of {quantity(manifest.steps, 'step')}, of which this client missed "
            f"{len(missed)}{which if missed else ''}. It sent {sent:,} bytes and received {received:,}."
        ),
        html.heading("Who asked"),
        html.table(_parties(manifest)),
        html.fold("The run's identity", html.digest("run", run_id(manifest).hex())),
        html.heading("What was told to whom"),
        html.paragraph(describe_disclosure(manifest)),
        html.items(describe_cost(manifest)),
        html.heading("Your own people"),
        html.warning(OWN),
        *_own(record),
        html.heading("What the run released"),
        *_released(record),
        html.paragraph(f"Every change of each of your people stands in {files[0]}, every release in {files[1]}."),
    ]
    return html.document(f"{name} in {manifest.name}", parts, headline=f"What {name} takes home from {manifest.name}")


def _parties(manifest: SimulationManifest) -> list[tuple[str, str]]:
    rows = [("step 0", f"{manifest.start}; a step is {manifest.dt:g} days")] if manifest.start else []
    if (trust := manifest.trust) is None:
        return rows
    servers = [f"{server} ({keys.operator})" for server, keys in trust.keys.items()]
    valid = f"{trust.not_before:%F} to {trust.not_after:%F}"
    return [
        *rows,
        ("asked for by", trust.operator),
        ("valid", valid),
        ("servers, of whom", ", ".join(servers)),
    ]


def _own(record: RunRecord) -> list[str]:
    parts = []
    for field, counts in record.counts.items():
        ends = [(stage, each[0], each[-1]) for stage, each in counts.items()]
        parts.append(html.table(ends, head=(field, "at the beginning", "at the end")))
        parts.append(line_plot(f"{field}: your people", counts, first=record.first))
    return parts


def _released(record: RunRecord) -> list[str]:
    columns = record.released
    if not columns:
        return [html.paragraph("Nothing that stands in a series.")]
    rows = zip(*columns.values(), strict=True)
    shown = html.table((("" if value is None else value for value in row) for row in rows), head=tuple(columns))
    told = {name: values for name, values in columns.items() if name not in ("step", "replicate")}
    first = next((step for step in columns["step"] if step is not None), 0)
    plots = [] if "replicate" in columns else [line_plot("released, of all clients together", told, first=first)]
    return [*plots, html.fold("every step", shown)]
