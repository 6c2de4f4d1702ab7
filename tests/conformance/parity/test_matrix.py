"""The matrix of runs: a model in each kind of run is the run in the clear, or is refused for a reason that stands here.

By default any two kinds of run meet at least once, each time with another model; the slow tests are all kinds and all
models. Where releases with noise or suppressed counts come back to agents through their cells, and the reference has
not the same, a run is held to come to its end alone.
"""

import asyncio
import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest
import torch

from aggregator.release.noise import ReleaseNoise
from client_sdk import Client, ContactTable
from lpm_secure.engine.loop import RemotePart, simulate
from lpm_secure.testbed.masked_run import MaskedRun
from lpm_secure.testbed.synthetic import draw_columns
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import LpmError, RoundClosed
from protocols.releases.query import Release, Releases
from protocols.task.parties import ENGINE
from protocols.task.rounds import Phase
from tests.conformance.parity import test_graphs_of_models as graphs
from tests.conformance.parity import test_masked_absences as masked_absences
from tests.conformance.parity import test_masked_runs as masked
from tests.conformance.parity.conftest import ALL, RANGES, graph_model
from tests.conformance.parity.test_absences import Late
from tests.conformance.parity.test_absences_of_models import reference
from tests.conformance.parity.test_devices import as_devices
from tests.conformance.parity.test_moves import Noised
from tests.conformance.test_noised_runs import noised
from tests.user_models import ENVIRONMENTS

AGENTS = ((10, 11, 12), (20, 21), (30,), (40, 41))
MODELS = functools.cache(graph_model)
N, STEPS, SYNTHETIC, PERIOD = sum(map(len, AGENTS)), 4, 30, 2
AWAY, LATE_AT, ROUND_S = {1}, 2, 0.8
CPU = torch.device("cpu")


class Kind(NamedTuple):
    """A kind of run."""

    security: str
    mode: str
    k: int
    edges: str
    clients: str
    min_count: int
    noise: str


VALUES = Kind(
    security=("semi-honest", "active"),
    mode=("outcome", "sum"),
    k=(2, 3),
    edges=("dense", "permuted"),
    clients=("all", "one is away", "one joins late"),
    min_count=(0, 3),
    noise=("none", "departures", "cells"),
)
KINDS = [Kind(*each) for each in itertools.product(*VALUES)]


class Parties(NamedTuple):
    """What makes and plays runs."""

    manifest_of: Callable[..., Any]
    private: Callable[..., Any]
    clear: Callable[..., Any]
    operators: Callable[..., AbstractContextManager[Any]]
    keys: Sequence[bytes]


@pytest.fixture
def parties(manifest_of, run_private, run_clear, operators_of, monkeypatch):
    keys = [bytes([index]) * 32 for index in (5, 6, 7)]
    known = classmethod(lambda cls, plan, layout, *, run, index, store: cls(plan, layout, index, keys[index]))
    monkeypatch.setattr(ReleaseNoise, "load", known)
    return Parties(manifest_of, run_private, run_clear, operators_of, keys)


def releases_of(kind, model):
    """Return what is released, where some of it has noise."""
    series = noised("incidence") if kind.noise == "departures" else Release(name="tally")
    cells = noised("cells", times=STEPS + 1) if kind.noise == "cells" else Release(name="cells")
    listed = [series, *([cells] if kind.noise == "cells" or model.agents.cell_most else [])]
    return None if kind.noise == "none" else Releases(each=tuple(listed), rho=1e6)


def bed_of(name, kind, manifest_of):
    """Return a run of this kind; where one is away or late, there are no synthetic agents."""
    model, rng = MODELS(name), np.random.default_rng(4)
    synthetic = SYNTHETIC if kind.clients == "all" else 0
    channels, moves = len(model.contact_channels), len(model.agents.cell_names)
    cells = (N + synthetic,) * (moves or 2) if model.agents.cell_most else ()
    manifest = manifest_of(
        AGENTS,
        k=kind.k,
        model=model,
        model_hash=model.digest,
        channels=model.contact_channels,
        steps=STEPS,
        period=PERIOD,
        max_message=100 * max(model.agents.most, default=1),
        cells=cells,
        engine=True,
        mode=kind.mode,
        security=kind.security,
        min_count=kind.min_count,
        releases=releases_of(kind, model),
        testbed_seed=8,
        join_timeout_s=0.3 if kind.clients == "one joins late" else 30.0,
        round_timeout_s=30.0 if kind.clients == "all" or kind.security == "active" else ROUND_S,
    )
    m = 3 * N if channels else 0
    a = rng.integers(0, N, m)
    day, by, channel = (rng.integers(low, high, m) for low, high in ((0, PERIOD), (1, N), (0, max(channels, 1))))
    table = ContactTable(day, a, (a + by) % N, channel, np.ones_like(a))
    agents = np.array([agent for own in AGENTS for agent in own], dtype=np.uint64)
    columns = draw_columns(manifest, agents, RANGES if name.startswith("library") else {})
    place = rng.integers(0, 2, N) if cells and not moves else np.zeros(0, dtype=np.int64)
    environment = ENVIRONMENTS.get(name, {})
    if environment and kind.noise == "departures":  # which that environment has not enough from
        environment = {"name": "uniform", "ranges": {each: list(range_) for each, range_ in model.graph.public.items()}}
    testbed = Testbed(manifest, table, place, synthetic, "drawn", True, columns=columns, environment=environment)
    return as_devices(testbed) if kind.edges == "permuted" else testbed


class Ended(NamedTuple):
    """What a run leaves behind, by client; who learnt in which steps nothing, and more that the reference asks for."""

    state: Mapping[str, Mapping[str, Any]]
    missed: Mapping[str, Any]
    public: Mapping[str, Sequence[int]]
    more: Mapping[str, Any] = {}


def play(testbed, kind, parties):
    """Play a run in which somebody may be away, or late."""
    manifest, who = testbed.manifest, testbed.manifest.clients[1].name
    if kind.security == "active":
        ends = [(manifest.schedule.number(1, Phase.SPEAK), masked_absences.MOMENTS[1])]
        series, clients, run = masked_absences.play(testbed, {} if kind.clients == "all" else {who: ends})
        spoke, counted, heard, learnt = masked_absences.absences(run)
        more = {"heard_of": heard, "counted": counted, "learnt": learnt}
        return Ended({each.private.name: each.private.state for each in clients}, spoke, series.public, more)
    for times in (1, 5, 25):
        longer = msgspec.structs.replace(manifest, round_timeout_s=times * manifest.round_timeout_s)
        if ended := asyncio.run(_play(dataclasses.replace(testbed, manifest=longer), who, kind, parties)):
            return ended
    raise AssertionError(f"others than {who} were away too, however long they had")


async def _play(testbed, who, kind, parties):
    manifest = testbed.manifest

    async def client(name, operators):
        transports = operators.transports(name)
        if name == who and kind.clients == "one is away":
            transports = [Late(inner, operators.runs, AWAY) for inner in transports]
        while name == who and kind.clients == "one joins late" and operators.runs[0].round.step < LATE_AT:
            await asyncio.sleep(0.002)
        try:
            joined = await Client.join(manifest, testbed.private_state(name), transports)
        except RoundClosed:  # thresholds are told before the first step, so in outcome mode it is too late for this run
            assert (name, kind.clients, kind.mode) == (who, "one joins late", "outcome")
            return name, None
        await joined.run()
        return name, joined

    with parties.operators(manifest) as operators:
        engine = RemotePart(manifest, operators.transports(ENGINE))
        driven = simulate(manifest, engine, testbed.synthetic_agents(CPU), environment=testbed.new_environment())
        series, *ended = await asyncio.gather(driven, *(client(party.name, operators) for party in manifest.clients))
    state = {name: joined.private.state for name, joined in ended if joined}
    missed = {name: set(joined.missed) if joined else set(range(STEPS)) for name, joined in ended}
    assert bool(missed[who]) == (kind.clients != "all")
    planned = sorted([*AWAY] * (2 if kind.mode == "outcome" else 1))
    odd = kind.clients == "one is away" and dict(ended)[who].missed != planned
    if odd or any(steps for name, steps in missed.items() if name != who):
        return None  # a machine that is busy keeps others away too, or from one of a step's rounds alone
    return Ended(state, missed, series.public)


def compare(testbed, ended, state):
    """Hold the states of whoever is there at the end against those of all agents."""
    at = 0
    for party in testbed.manifest.clients:
        own, at = slice(at, at + len(party.agents)), at + len(party.agents)
        for field, values in ended.state.get(party.name, {}).items():
            np.testing.assert_array_equal(values, state[field][own], err_msg=f"{field} of {party.name}")


def hold(testbed, kind, parties):
    """Play a run, and hold it against one that knows no shares; return whether there is one."""
    active, everybody = kind.security == "active", kind.clients == "all"
    if everybody and kind.noise == "none":
        masked.check(testbed, parties.clear) if active else graphs.check(testbed, parties.private, parties.clear)
        return True
    ended, returns = play(testbed, kind, parties), bool(testbed.manifest.cells)
    if everybody and not (returns and kind.noise == "cells"):
        compare(testbed, ended, parties.clear(testbed).state)
    elif everybody and not active and not kind.min_count:
        clear = Noised(testbed, parties.keys[: kind.k])
        asyncio.run(simulate(testbed.manifest, clear, testbed.synthetic_agents(CPU)))
        compare(testbed, ended, clear.agents.state)
    elif returns and (everybody or kind.min_count or kind.noise == "cells"):
        return False
    else:
        compare(testbed, ended, reference(testbed, ended.missed, ended.public, **ended.more))
    return True


def has_words_of_one_stage(model):
    """Tell whether all that a run counts are the stages of one field."""
    return len({word.stage_of for word in model.agents.tally}) == 1 and model.agents.tally[0].stage_of is not None


REFUSED = {  # words of the line, and of which kinds and models it is said
    "permuted edges need outcome mode, two aggregators and a dealer": lambda kind, model: (
        kind.edges == "permuted" and (kind.mode == "sum" or kind.k > 2)
    ),
    "min_count needs a secure comparison, which sum mode has not": lambda kind, model: (
        kind.min_count and kind.mode == "sum"
    ),
    "the run needs 3 aggregators, .* which the masked backend has not": lambda kind, model: (
        kind.security == "active" and kind.k > 2
    ),
    "the run needs permuted edges, which the masked backend has not": lambda kind, model: (
        kind.security == "active" and kind.edges == "permuted"
    ),
    "the run needs a series of one event of each agent .* which the masked backend has not": lambda kind, model: (
        kind.security == "active" and kind.noise == "departures"
    ),
    "the release cells is for runs with cells": lambda kind, model: (
        kind.noise == "cells" and not model.agents.cell_most
    ),
    "noise of cells covers one message of at most 1": lambda kind, model: (
        kind.noise == "cells" and model.agents.cell_most not in ((), (1,))
    ),
    "incidence and running are of one event of each": lambda kind, model: (
        kind.noise == "departures" and model.recurrence
    ),
    "min_count is for models of one field of stages, without observables": lambda kind, model: (
        kind.min_count and not has_words_of_one_stage(model)
    ),
    "min_count with cells is for models in which exactly the agents of one stage": lambda kind, model: (
        kind.min_count and model.agents.cell_most and len(model.agents.speakers) != 1
    ),
}


def reasons(name, kind):
    """Return why a kind of run is refused to a model, any of which may be told; nothing where it runs."""
    model = MODELS(name)
    return [words for words, holds in REFUSED.items() if holds(kind, model)]


def built(name, kind, parties):
    """Return a run of this kind, or none where it is refused in one line for one of its reasons."""
    said = reasons(name, kind)
    if not said:
        return bed_of(name, kind, parties.manifest_of)
    with pytest.raises(LpmError, match=rf"\A[^\n]*({'|'.join(said)})[^\n]*\Z"):
        MaskedRun.draw(bed_of(name, kind, parties.manifest_of).manifest)
    return None


SEMI, ACTIVE, AWAY_ONE, LATE_ONE = *VALUES.security, *VALUES.clients[1:]
ROWS = [
    ("library-seir", Kind(SEMI, "outcome", 2, "dense", "all", 0, "none")),
    ("closures", Kind(SEMI, "sum", 3, "dense", AWAY_ONE, 0, "departures")),
    ("library-doses", Kind(SEMI, "outcome", 2, "permuted", LATE_ONE, 3, "cells")),
    ("places", Kind(ACTIVE, "sum", 2, "dense", LATE_ONE, 0, "cells")),
    ("opinion", Kind(ACTIVE, "outcome", 2, "dense", AWAY_ONE, 3, "none")),
    ("library-banks", Kind(SEMI, "outcome", 2, "permuted", "all", 3, "departures")),
    ("lenders", Kind(SEMI, "outcome", 3, "dense", LATE_ONE, 3, "none")),
    ("library-work", Kind(SEMI, "sum", 3, "dense", "all", 0, "cells")),
    ("banks", Kind(SEMI, "outcome", 2, "permuted", AWAY_ONE, 0, "none")),
    ("averaging", Kind(ACTIVE, "sum", 2, "dense", "all", 0, "none")),
    ("library-strains", Kind(SEMI, "outcome", 2, "dense", LATE_ONE, 0, "departures")),
    ("library-seirs", Kind(SEMI, "outcome", 2, "dense", AWAY_ONE, 0, "cells")),
]


def pairs(kind):
    """Return each two of its values that meet."""
    return set(itertools.combinations(enumerate(kind), 2))


def test_any_two_kinds_of_run_that_can_meet_do():
    names = {name for name, _ in ROWS}
    possible = set().union(*(pairs(kind) for name in names for kind in KINDS if not reasons(name, kind)))
    assert possible == set().union(*(pairs(kind) for _, kind in ROWS))


@pytest.mark.parametrize(("name", "kind"), ROWS, ids=lambda each: each if isinstance(each, str) else "")
def test_a_model_in_a_kind_of_run_is_the_run_in_the_clear(name, kind, parties):
    hold(built(name, kind, parties), kind, parties)


@pytest.mark.slow
@pytest.mark.parametrize("mode", VALUES.mode)
@pytest.mark.parametrize("security", VALUES.security)
@pytest.mark.parametrize("name", ALL)
def test_every_kind_of_run_of_a_model_is_the_run_in_the_clear_or_is_refused(name, security, mode, parties):
    for kind in KINDS:
        if (kind.security, kind.mode) == (security, mode) and (testbed := built(name, kind, parties)):
            try:
                hold(testbed, kind, parties)
            except Exception as error:
                error.add_note(str(kind))
                raise
