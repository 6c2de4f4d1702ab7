"""The derivatives of one run, whichever way it takes them, as a table; over private clients or in the clear."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from lpm_secure.engine.loop import PrivatePart
from lpm_secure.engine.series import PARTS, StageSeries
from lpm_secure.gradients.private.adjoint_part import ClearAdjointPart
from lpm_secure.gradients.private.adjoints import PrivateAdjoints, mean_counts
from lpm_secure.gradients.private.reversible_tensors import ReversibleTensors
from lpm_secure.gradients.private.score import ClearScores, simulate_scores
from lpm_secure.gradients.private.tangents import ClearTangents, simulate_tangents, synthetic_part
from lpm_secure.testbed.synthetic import SYNTHETIC_FROM, cells_of, draw_columns
from lpm_secure.testbed.testbed import Testbed
from protocols.models.chain.chain_adjoints import ChainAdjoints
from protocols.task.layout import Layout
from protocols.task.release_plan import ReleasePlan

F64 = npt.NDArray[np.float64]
CPU: Final = torch.device("cpu")


@final
@dataclass(frozen=True, slots=True, eq=False)
class GradientFigures:
    """What a run found.

    Attributes:
        parameters: p names.
        table: as `gradient.csv` has it.
        words: what each row of `last` is of: stages and observables, or "score".
        last: float64[q, p]: derivatives of the last day's totals of all agents; float64[1, p] of a score.
        numbers: all that a clear run must find too.
        series: of a discrete run.
    """

    parameters: tuple[str, ...]
    table: pa.Table
    words: tuple[str, ...]
    last: F64
    numbers: F64 = field(repr=False)
    series: StageSeries | None = None


async def find(testbed: Testbed, remote: PrivatePart | None) -> GradientFigures:
    """Return the derivatives of a run, over its clients, or in the clear without them."""
    return await _WAYS[testbed.manifest.require_gradient().way](testbed, remote)


def difference(private: GradientFigures, clear: GradientFigures) -> float:
    """Return the largest difference, as a part of the largest number of its parameter; 0 where all bits are the same.

    Infinite where the discrete runs themselves differ.
    """
    if private.series is not None and clear.series is not None and private.series.hash != clear.series.hash:
        return float("inf")
    scale = np.abs(clear.numbers).reshape(-1, clear.numbers.shape[-1]).max(axis=0)
    apart = np.abs(private.numbers - clear.numbers).reshape(-1, scale.size).max(axis=0)
    return float(np.divide(apart, scale, out=np.where(apart > 0, np.inf, 0.0), where=scale > 0).max(initial=0.0))


async def _tangents(testbed: Testbed, remote: PrivatePart | None) -> GradientFigures:
    manifest, plan = testbed.manifest, ReleasePlan.of(testbed.manifest)
    part = ClearTangents(testbed) if remote is None else remote
    series = await simulate_tangents(manifest.relaxation, plan, part, synthetic_part(testbed))
    value, tangent = series.value, series.tangent
    numbers = np.concatenate([value[..., None], tangent], axis=-1)
    named, words = manifest.require_gradient().parameters, _words(plan)
    return GradientFigures(named, _counts(named, words, numbers, first=0), words, tangent[-1].sum(axis=0), numbers)


async def _score(testbed: Testbed, remote: PrivatePart | None) -> GradientFigures:
    manifest = testbed.manifest
    part = ClearScores(manifest, testbed.clear_agents(CPU)) if remote is None else remote
    synthetic, environment = testbed.synthetic_agents(CPU), testbed.new_environment()
    found = await simulate_scores(manifest, part, synthetic, environment=environment)
    named, last = manifest.require_gradient().parameters, found.score[None, :]
    table = pa.table({"parameter": list(named), "score": found.score})
    return GradientFigures(named, table, ("score",), last, last, found.series)


async def _adjoints(testbed: Testbed, remote: PrivatePart | None) -> GradientFigures:
    """Differentiate each total of the last day; the graph is in a thread, which must not wait for itself."""
    manifest, private = testbed.manifest, private_adjoints(testbed, remote)
    numbers = await asyncio.to_thread(_last_day, testbed, private)
    named, words = manifest.require_gradient().parameters, _words(ReleasePlan.of(manifest))
    table = _counts(named, words, numbers, first=manifest.steps)
    return GradientFigures(named, table, words, numbers[-1].sum(axis=0)[:, 1:], numbers)


def private_adjoints(testbed: Testbed, remote: PrivatePart | None) -> PrivateAdjoints:
    """Return the private agents in a graph of torch: over their clients, or in the clear without them."""
    part = ClearAdjointPart(testbed) if remote is None else remote
    return PrivateAdjoints(testbed.manifest.relaxation, Layout.of(testbed.manifest), part, asyncio.get_running_loop())


def engine_tensors(testbed: Testbed) -> tuple[ReversibleTensors, F64]:
    """Return the engine's own agents, and the manifest's parameters as these take them."""
    manifest, n = testbed.manifest, testbed.synthetic
    numbers = np.arange(n, dtype=np.uint64) + np.uint64(SYNTHETIC_FROM)
    cell, model = cells_of(numbers, manifest), manifest.model.agents
    columns = draw_columns(manifest, numbers, testbed.city.columns if testbed.city else {})
    agents = ChainAdjoints.of_run(manifest.relaxation, columns=columns, cell=cell, n=n)
    sizes = {"channels": len(manifest.channels), "words": len(model.cell_most), "cells": len(manifest.cells)}
    return ReversibleTensors(agents, cell=cell, **sizes), agents.theta


def _last_day(testbed: Testbed, private: PrivateAdjoints) -> F64:
    """Return float64[1, 1, q, 1 + m]: totals of all agents on the last day, and their derivatives."""
    synthetic, point = engine_tensors(testbed)
    theta = torch.tensor(point, requires_grad=True)
    rows = []
    for place in range(len(_words(ReleasePlan.of(testbed.manifest)))):
        count = mean_counts(private, synthetic, theta)[-1, :, place].sum()
        (grad,) = torch.autograd.grad(count, theta)
        rows.append([count.item(), *grad.tolist()])
    return np.array(rows)[None, None]


def _words(plan: ReleasePlan) -> tuple[str, ...]:
    """Return the names of the tally's numbers."""
    return tuple(word.name for word in plan.tally_words)


def _counts(named: tuple[str, ...], words: tuple[str, ...], numbers: F64, *, first: int) -> pa.Table:
    """Return a row for each day, part and stage or observable: its expected total, and the derivatives of that."""
    days, parts, stages, _ = numbers.shape
    label = PARTS if parts == len(PARTS) else ("all",)
    at = [(day, part, stage) for day in range(days) for part in range(parts) for stage in range(stages)]
    columns = {
        "step": [first + day for day, _, _ in at],
        "agents": [label[part] for _, part, _ in at],
        "stage": [words[stage] for _, _, stage in at],
    }
    flat = numbers.reshape(-1, numbers.shape[-1])
    by = {name: flat[:, 1 + index] for index, name in enumerate(named)}
    return pa.table({**columns, "expected": flat[:, 0], **by})


_WAYS: Final[Mapping[str, Callable[[Testbed, PrivatePart | None], Awaitable[GradientFigures]]]] = {
    "tangents": _tangents,
    "adjoints": _adjoints,
    "score": _score,
}
