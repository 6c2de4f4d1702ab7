"""A rehearsal of a calibration's project: made-up series, one fit in one place, in one process and over its kits."""

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import torch

from client_sdk.likelihood.series import Series
from client_sdk.likelihood.series_file import write_series
from lpm_secure.calibration.centre.setting import CentreSetting
from lpm_secure.calibration.inference.fit import Fit
from lpm_secure.project.calibration.kind import SERIES, CalibrationKind
from lpm_secure.project.calibration.manifest import shares_of, sums_of_project
from lpm_secure.project.calibration.project_file import CalibrationProject
from lpm_secure.project.scaffold import PROJECT
from lpm_secure.rehearsal import sizes
from lpm_secure.rehearsal.kits import KitDeployment, prepare
from lpm_secure.rehearsal.measurement import NOISED, Measurement, parity
from lpm_secure.rehearsal.series import draw_series, institutions_of
from lpm_secure.report.page import Page
from lpm_secure.report.summary import REPORT, Summary
from lpm_secure.secure_sum.digest import SumDigest
from lpm_secure.secure_sum.in_process import InProcessSum
from lpm_secure.secure_sum.oracle import PooledSum
from lpm_secure.secure_sum.transport import SumTransport
from protocols.errors import ProtocolError
from protocols.report import html
from protocols.report.disclosure import cost_words, describe_disclosure
from protocols.report.terminal import align
from protocols.task.parties import ENGINE
from protocols.task.secure_sum.spec import SecureSum

FIGURES: Final = "rehearsal.json"
RESULTS: Final = "results/calibration.json"  # in the centre's kit
Shares = Mapping[str, tuple[float, ...]]
OnFit = Callable[[Fit], None]


def rehearse_calibration(
    kind: CalibrationKind,
    folder: Path,
    *,
    in_process: bool,
    on_round: OnFit = lambda fit: None,
    say: Callable[[str], None] = lambda line: None,
) -> Summary:
    """Rehearse a calibration, and return what it took.

    Args:
        kind: of the project.
        folder: of the rehearsal, which is there.
        in_process: leave the processes out.
        on_round: is told after each round of the fits in this process.
        say: is given a line for whoever waits.

    Raises:
        ConfigError, ParameterError, DataError: the project has a mistake.
        ProtocolError, Unavailable: the run could not go on.
    """
    wanted, table = kind.manifest(), kind.file.calibration
    project = _localise(kind, folder)
    sizes.write(project, folder / PROJECT)
    torch.set_num_threads(1)
    setting = CentreSetting.read(project.calibration.beside(folder))
    shares = {client.name: shares_of(client, setting.places.places) for client in project.clients}
    series = draw_series(setting, shares)
    exact = msgspec.structs.replace(sums_of_project(project, folder), releases=None)
    say(f"{len(shares)} institutions with made-up series; first in one process, pooled and with shares")
    institutions = [institutions_of(setting, shares, series) for _ in range(2)]
    pooled, pooled_s = _fitted(setting, PooledSum(exact, institutions[0]), on_round)
    shared, shared_s = _fitted(setting, InProcessSum(exact, institutions[1]), on_round)
    runs = {"in one process": Measurement(parity(_apart(pooled, shared)), shared_s / table.fit.rounds)}
    if not in_process:
        say(f"now over processes, from kits in {folder / 'kits'}")
        runs["over processes"] = _over_kits(folder, setting, series, pooled, say=say)
    return _summary(wanted, runs, pooled_s / table.fit.rounds, folder)


def _localise(kind: CalibrationKind, folder: Path) -> CalibrationProject:
    """Return the project with addresses and a validity of this machine, and its tables beside it."""
    return msgspec.structs.replace(sizes.localise_parties(kind.file), calibration=kind.copy_tables(folder))


def _fitted(setting: CentreSetting, sums: SumTransport, on_round: OnFit) -> tuple[str, float]:
    """Return the hash over the sums of a fit, and the seconds that it took."""
    began, digest = time.perf_counter(), SumDigest(sums)
    setting.fit(digest, tuple(client.name for client in sums.manifest.clients)).run(on_round)
    return digest.sha256, time.perf_counter() - began


def _apart(clear: str, private: str) -> str:
    return "" if clear == private else f"the sums' hash is {private}, and {clear} of the pooled series"


def _over_kits(
    folder: Path, setting: CentreSetting, series: Mapping[str, Series], pooled: str, *, say: Callable[[str], None]
) -> Measurement:
    deployment = KitDeployment(folder, prepare(folder / PROJECT))
    for name, known in series.items():
        write_series(deployment.party(name) / SERIES, known, setting.table.horizon)
    seconds = deployment.run(say)
    results = deployment.party(ENGINE) / RESULTS
    if not results.exists():
        raise ProtocolError(f"the centre has left no {results}; its log, {deployment.party(ENGINE)}, says why")
    figures: dict[str, Any] = json.loads(results.read_text(encoding="utf-8"))
    rounds, received = setting.table.fit.rounds, {}
    for name in series:
        told = json.loads((deployment.party(name) / "summary.json").read_text(encoding="utf-8"))
        received[name] = told["received_bytes"] / rounds
    same = NOISED if setting.table.epsilon is not None else parity(_apart(pooled, figures["sha256_sums"]))
    return Measurement(same, figures["seconds"] / rounds, seconds - figures["seconds"], received)


def _summary(wanted: SecureSum, runs: Mapping[str, Measurement], clear_s: float, folder: Path) -> Summary:
    disclosure, cost = describe_disclosure(wanted), cost_words(wanted)
    rows = [
        ("institutions", f"{len(wanted.clients):,}, whose series are made up"),
        ("rounds", f"{wanted.rounds:,}"),
        ("numbers in a sum", f"{wanted.length:,}"),
        ("seconds a round, pooled", f"{clear_s:.4f}"),
    ]
    for way, run in runs.items():
        rows += [(f"parity {way}", run.parity), (f"seconds a round, {way}", f"{run.step_s:.4f}")]
        rows += [(f"seconds before and after the rounds, {way}", f"{run.start_s:.1f}")] if run.start_s else []
        rows += [(f"bytes received per round, {party}", f"{count:,.0f}") for party, count in run.received.items()]
    said = [("the consent page", disclosure), ("", cost)]
    return Summary(
        file=FIGURES,
        figures={
            "run": wanted.name,
            "institutions": len(wanted.clients),
            "rounds": wanted.rounds,
            "seconds_per_round_pooled": clear_s,
            "runs": {way: dataclasses.asdict(run) for way, run in runs.items()},
            "disclosure": disclosure,
            "cost": cost,
        },
        lines=align([*rows, *said, ("report", str(folder / REPORT))]),
        page=Page(
            f"Rehearsal of {wanted.name}",
            [
                html.warning("Made-up series: a rehearsal."),
                html.table(rows),
                html.heading("What an institution is told"),
                html.paragraph(f"{disclosure} {cost}"),
            ],
        ),
        passed=all(run.passed for run in runs.values()),
    )
