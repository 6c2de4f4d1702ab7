"""`lpm run` of a configuration with `[gradient]`: over processes of this machine, and again in the clear."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import msgspec

from lpm_secure.config.simulation import Config
from lpm_secure.event_loop import complete
from lpm_secure.gradients.private.result import GradientFigures, difference, find
from lpm_secure.report import folder as folders
from lpm_secure.report.page import Page
from lpm_secure.report.summary import Summary
from lpm_secure.report.table import both, csv_of
from lpm_secure.report.versions import versions
from lpm_secure.run.jobs import REPLAYING, REPORTING, local_deployment, local_testbed
from lpm_secure.run.processes import over_processes
from lpm_secure.run.run_progress import STARTING, RecordedPart, record_derivatives
from protocols.report import html
from protocols.report.disclosure import describe_disclosure
from protocols.task import manifest as manifests
from protocols.task.manifest import SimulationManifest
from protocols.task.release_plan import releases_of

TABLE: Final = "gradient.csv"
FIGURES: Final = "gradient.json"


@final
@dataclass(frozen=True, slots=True, eq=False)
class GradientRun:
    """A finished run's derivatives.

    Attributes:
        way: as the manifest says.
        apart: how far the clear run's are from them, at most; None where nothing was compared.
        noised: whether releases had noise, so that nothing in the clear is the same.
    """

    way: str
    found: GradientFigures
    apart: float | None
    noised: bool = False

    @property
    def parity(self) -> bool | None:
        """Whether both are the same, to the last bit."""
        return None if self.apart is None else self.apart == 0.0

    @property
    def sha256(self) -> str:
        """Of all that was found."""
        return hashlib.sha256(self.found.numbers.tobytes()).hexdigest()


def private(config: Config, *, out: Path, parity: bool = True) -> Summary:
    """Run a configuration with a gradient over processes, write its folder, and compare it with the clear run.

    Raises:
        ParameterError: a party refused its files.
        ProtocolError: an aggregator ended, or the run lost a derivative.
    """
    with local_deployment(config, out=out) as deployment:
        testbed = deployment.testbed
        noised = releases_of(testbed.manifest).has_noise
        with record_derivatives(deployment.folder, testbed.manifest) as progress:
            progress.journal.enter(STARTING)
            found = over_processes(
                deployment, lambda remote: find(testbed, RecordedPart(remote, progress)), progress.lose
            )
            is_replayed = parity and not noised
            progress.journal.enter(REPLAYING if is_replayed else REPORTING)
            apart = difference(found, complete(find(testbed, None))) if is_replayed else None
            result = GradientRun(testbed.manifest.require_gradient().way, found, apart, noised)
            summary = _summary(config, testbed.manifest, result, deployment.folder)
            folders.write(deployment.folder, summary)
            if result.parity is not None:
                progress.journal.results["parity"] = "identical" if result.parity else "DIFFERENT"
    return summary


def clear(config: Config) -> GradientRun:
    """Take the same derivatives in this process, with no protection."""
    testbed = local_testbed(config)
    return GradientRun(testbed.manifest.require_gradient().way, complete(find(testbed, None)), None)


def lines_of(result: GradientRun) -> Iterator[str]:
    """Yield what is printed: a row for each parameter; its score, or a column for each stage."""
    head, rows = _table(result)
    width = max(len(row[0]) for row in (head, *rows))
    for name, *values in (head, *rows):
        yield f"{name:<{width}}" + "".join(f"  {value:>12}" for value in values)
    yield from _parity_lines(result)
    yield f"gradient: {result.sha256}"


def _table(result: GradientRun) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the head, and a row for each parameter."""
    found = result.found
    columns = found.words if result.way == "score" else [f"d {word}" for word in found.words]
    rows = [(name, *(f"{value:.6g}" for value in found.last[:, index])) for index, name in enumerate(found.parameters)]
    return ("parameter", *columns), rows


def _parity_lines(result: GradientRun) -> Iterator[str]:
    if result.noised:
        yield "parity: the releases have noise, so the clear run has other numbers"
    elif result.apart is not None:
        yield f"gradient parity: {'identical' if result.parity else f'DIFFERENT, by {result.apart:.1e}'}"


def _summary(config: Config, manifest: SimulationManifest, result: GradientRun, folder: Path) -> Summary:
    """Return what a run yields, in the form that is written into its folder and printed."""
    head, rows = _table(result)
    learned = html.warning(describe_disclosure(manifest))
    parts = [learned, html.table(rows, head=head), *map(html.paragraph, _parity_lines(result))]
    tables = {TABLE: csv_of(result.found.table)}
    if result.found.series is not None:
        tables |= both("series", result.found.series.table())
    return Summary(
        file=FIGURES,
        figures=_figures(config, manifests.run_id(manifest).hex(), result),
        lines=(*lines_of(result), f"written: {folder / TABLE}"),
        tables=tables,
        page=Page(f"Gradient of {config.name}", [*parts, html.digest("gradient", result.sha256)]),
        passed=result.parity is not False,
    )


def _figures(config: Config, run: str, result: GradientRun) -> dict[str, Any]:
    return {
        "run": run,
        "way": result.way,
        "parameters": result.found.parameters,
        "parity": result.parity,
        "apart": result.apart,
        "noised": result.noised,
        "sha256": result.sha256,
        "versions": versions(),
        "config": msgspec.to_builtins(config),
    }
