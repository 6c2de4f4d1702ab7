"""`lpm rehearse`: a project's run on made-up people, in one process and over its kits, and what it took."""

import asyncio
import dataclasses
import datetime
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from lpm_secure.project.calibration.kind import CalibrationKind
from lpm_secure.project.kind import RunKind
from lpm_secure.project.kits import load_kind
from lpm_secure.project.manifest import manifest_of
from lpm_secure.project.project_file import ProjectFile, load
from lpm_secure.project.scaffold import PROJECT
from lpm_secure.rehearsal import sizes
from lpm_secure.rehearsal.calibration import FIGURES, OnFit, rehearse_calibration
from lpm_secure.rehearsal.history import StateHistory, clear_history, difference
from lpm_secure.rehearsal.in_process import exact_twin, private_history
from lpm_secure.rehearsal.kits import KitDeployment, fill, prepare, series_difference, stage_history
from lpm_secure.rehearsal.measurement import NOISED, Measurement, parity
from lpm_secure.rehearsal.people import draw_people
from lpm_secure.report import folder as folders
from lpm_secure.report.page import Page
from lpm_secure.report.public_file import write_public
from lpm_secure.report.summary import REPORT, Summary
from lpm_secure.run.ingress import by_party, ingress
from lpm_secure.run.observer import StepObserver, null_observer
from lpm_secure.run.processes import summaries
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import ConfigError, ParameterError
from protocols.quantity import quantity
from protocols.report import html
from protocols.report.disclosure import cost_words, describe_disclosure
from protocols.report.terminal import align
from protocols.task.manifest import SimulationManifest
from protocols.task.parties import agents_of
from protocols.task.release_plan import releases_of

CONSENT: Final = "consent"  # a folder: what each client's page would say
STILL: Final = "0: parity says little then; raise contacts or known in [rehearsal], or the steps"


def rehearse(
    path: Path,
    out: Path,
    *,
    people: int | None = None,
    in_process: bool = False,
    observer: StepObserver = null_observer,
    on_round: OnFit = lambda fit: None,
    say: Callable[[str], None] = lambda line: None,
) -> Summary:
    """Rehearse a project, and write a folder of what it took.

    Args:
        path: of the project.
        out: a folder is made in it.
        people: made up in all, where these are to be fewer than the project has.
        in_process: leave the processes out.
        observer: watches the steps of the run in one process.
        on_round: is told after each round of a calibration's fits in one process.
        say: is given a line for whoever waits.

    Raises:
        ConfigError, ParameterError: the project has a mistake, or cannot be rehearsed.
        ProtocolError, Unavailable: the run could not go on.
    """
    kind = load_kind(path)
    folder = out / f"{kind.project.name}-{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%S}"
    if isinstance(kind, CalibrationKind):
        if people is not None:
            raise ConfigError(f"got --people {people}, and a calibration has series, no people; leave it out")
        _begin(folder, kind)
        summary = rehearse_calibration(kind, folder, in_process=in_process, on_round=on_round, say=say)
        folders.write(folder, summary)
        return summary
    asked = load(path)
    wanted = manifest_of(asked, path.resolve().parent)
    project = sizes.localise(asked, path.resolve().parent, people=people)
    _begin(folder, kind)
    sizes.write(project, folder / PROJECT)
    manifest = manifest_of(project, folder)
    testbed = draw_people(project, manifest)
    twin = dataclasses.replace(testbed, manifest=exact_twin(manifest))
    people = agents_of(manifest.clients)
    say(f"{quantity(len(manifest.clients), 'client')} with {people:,} made-up people; first in one process")
    began = time.perf_counter()
    clear, series = asyncio.run(clear_history(twin))
    clear_s = (time.perf_counter() - began) / (manifest.steps + 1)
    runs = {"in one process": _in_process(twin, clear, observer)}
    if not in_process:
        say(f"now over processes, from kits in {folder / 'kits'}")
        runs["over processes"] = _over_kits(project, testbed, folder, (clear, series), say=say)
    summary = _summary(wanted, manifest, runs, clear=(clear.moved, clear_s), folder=folder)
    folders.write(folder, summary)
    return summary


def _begin(folder: Path, kind: RunKind) -> None:
    """Make the folder, with what each client's page would say."""
    manifest = kind.manifest()
    try:
        (folder / CONSENT).mkdir(parents=True)
    except OSError as error:
        raise ParameterError(f"cannot make {folder}: {error.strerror}; give another --out") from error
    for client in manifest.clients:
        page = kind.client_page(manifest, client.name)
        write_public(folder / CONSENT / f"{client.name}.md", page.encode())


def _in_process(twin: Testbed, clear: StateHistory, observer: StepObserver) -> Measurement:
    began = time.perf_counter()
    private = asyncio.run(private_history(twin, observer))
    seconds = time.perf_counter() - began
    return Measurement(parity(difference(private, clear, twin.manifest)), seconds / (twin.manifest.steps + 1))


def _over_kits(
    project: ProjectFile, testbed: Testbed, folder: Path, clear: Any, *, say: Callable[[str], None]
) -> Measurement:
    deployment = KitDeployment(folder, prepare(folder / PROJECT))
    fill(deployment, project, testbed)
    seconds = deployment.run(say)
    told = summaries(deployment)
    steps = deployment.manifest.steps
    own = max((client["seconds"] for client in told.values()), default=0.0)
    received = by_party(ingress(deployment, told))
    same = NOISED
    if not releases_of(deployment.manifest).has_noise:
        private = stage_history(deployment)
        stages = difference(private, clear[0], testbed.manifest) if private is not None else ""
        same = parity(stages or series_difference(deployment, clear[1]))
    return Measurement(same, own / (steps + 1), seconds - own, received)


def _summary(
    wanted: SimulationManifest,
    manifest: SimulationManifest,
    runs: Mapping[str, Measurement],
    *,
    clear: tuple[int, float],
    folder: Path,
) -> Summary:
    disclosure, cost, (moved, clear_s) = describe_disclosure(wanted), cost_words(wanted), clear
    rows = [
        ("clients", f"{len(manifest.clients):,}"),
        ("people", f"{agents_of(manifest.clients):,} of {agents_of(wanted.clients):,}, all made up"),
        ("steps", f"{manifest.steps:,}"),
        *([("replicates", f"1 of {wanted.copies:,}")] if wanted.copies > 1 else []),
        ("agents whose state changed", f"{moved:,}" if moved else STILL),
        ("seconds a step, in the clear", f"{clear_s:.4f}"),
    ]
    for way, run in runs.items():
        rows += [(f"parity {way}", run.parity), (f"seconds a step, {way}", f"{run.step_s:.4f}")]
        rows += [(f"seconds before and after the steps, {way}", f"{run.start_s:.1f}")] if run.start_s else []
        rows += [(f"bytes received per step, {party}", f"{count:,.0f}") for party, count in run.received.items()]
    said = [("the consent page", disclosure), ("", cost), ("", f"each client's is in {folder / CONSENT}")]
    figures = {
        "run": wanted.name,
        "clients": len(manifest.clients),
        "people": agents_of(manifest.clients),
        "people_of_the_project": agents_of(wanted.clients),
        "steps": manifest.steps,
        "agents_whose_state_changed": moved,
        "seconds_per_step_in_the_clear": clear_s,
        "runs": {way: dataclasses.asdict(run) for way, run in runs.items()},
        "disclosure": disclosure,
        "cost": cost,
    }
    page = [html.warning("Made-up people: a rehearsal."), html.table(rows), html.heading("What a client is told")]
    return Summary(
        file=FIGURES,
        figures=figures,
        lines=align([*rows, *said, ("report", str(folder / REPORT))]),
        page=Page(f"Rehearsal of {wanted.name}", [*page, html.paragraph(f"{disclosure} {cost}")]),
        passed=all(run.passed for run in runs.values()),
    )
