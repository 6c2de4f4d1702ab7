"""`lpm run` of a configuration with `[gradient]`: over processes of this machine, and again in the clear."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import msgspec
from pyarrow import csv

from lpm_secure.config.simulation import Config
from lpm_secure.gradients.private.result import TOLERANCE, GradientFigures, difference, find
from lpm_secure.run.folder import versions
from lpm_secure.run.jobs import local_deployment, local_testbed
from lpm_secure.run.processes import over_processes
from protocols.models import Stage
from protocols.task import manifest as manifests
from protocols.task.release_plan import releases_of

TABLE: Final = "gradient.csv"
FIGURES: Final = "gradient.json"


@final
@dataclass(frozen=True, slots=True, eq=False)
class GradientResult:
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
        """Whether both are the same: to the last bit, or adjoints to their tolerance."""
        return None if self.apart is None else self.apart <= (TOLERANCE if self.way == "adjoints" else 0.0)

    @property
    def sha256(self) -> str:
        """Of all that was found."""
        return hashlib.sha256(self.found.numbers.tobytes()).hexdigest()


def private(config: Config, *, out: Path, parity: bool) -> tuple[Path, GradientResult]:
    """Run a configuration with a gradient over processes, write its folder, and compare it with the clear run.

    Raises:
        ParameterError: a party refused its files.
        ProtocolError: an aggregator ended, or the run lost a derivative.
    """
    with local_deployment(config, out=out) as deployment:
        testbed = deployment.testbed
        found = over_processes(deployment, lambda remote: find(testbed, remote))
        noised = releases_of(testbed.manifest).noised
        apart = difference(found, asyncio.run(find(testbed, None))) if parity and not noised else None
        result = GradientResult(testbed.manifest.require_gradient().way, found, apart, noised)
        csv.write_csv(found.table, deployment.folder / TABLE)
        if found.series is not None:
            found.series.write(deployment.folder)
        figures = msgspec.json.encode(_figures(config, manifests.run_id(testbed.manifest).hex(), result))
        (deployment.folder / FIGURES).write_bytes(msgspec.json.format(figures, indent=2))
    return deployment.folder, result


def clear(config: Config) -> GradientResult:
    """Take the same derivatives in this process, with no protection."""
    testbed = local_testbed(config)
    return GradientResult(testbed.manifest.require_gradient().way, asyncio.run(find(testbed, None)), None)


def lines(result: GradientResult) -> list[str]:
    """Return the table that is printed: a row for each parameter; its score, or a column for each stage."""
    found = result.found
    heads = ["score"] if result.way == "score" else [f"d {stage.name}" for stage in Stage]
    width = max(len(name) for name in ("parameter", *found.parameters))
    rows = [f"{'parameter':<{width}}" + "".join(f"  {head:>12}" for head in heads)]
    for index, name in enumerate(found.parameters):
        rows.append(f"{name:<{width}}" + "".join(f"  {value:>12.6g}" for value in found.last[:, index]))
    if result.noised:
        rows.append("parity: the releases have noise, so the clear run has other numbers")
    elif result.apart is not None:
        how = f"within {result.apart:.1e} of the clear gradient" if result.way == "adjoints" else "identical"
        rows.append(f"gradient parity: {how if result.parity else f'DIFFERENT, by {result.apart:.1e}'}")
    return rows


def _figures(config: Config, run: str, result: GradientResult) -> dict[str, Any]:
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
