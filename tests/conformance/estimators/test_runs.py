"""The runs behind gradients: the engine's bits, common random numbers, and alternatives replayed or run anew."""

import numpy as np
import pytest

from client_sdk.private.contacts import ContactTable
from lpm_secure.config.model import TableIntegers, graph_of
from lpm_secure.engine.kernels.csr import Csr
from lpm_secure.engine.kernels.draws import key_of
from lpm_secure.gradients.estimators.replay import BEGUN, LATER, LONGER, replay, room_of
from lpm_secure.gradients.estimators.replay import INFECTED as FORCED
from lpm_secure.gradients.problem.epidemic import EpidemicProblem, F, world_of
from lpm_secure.gradients.problem.outputs import ILL, INFECTED, Output, Outputs
from lpm_secure.gradients.problem.theta import BETA, EFFICACY, INITIAL, LATENT, REDUCTION, Point
from lpm_secure.gradients.problem.trajectory import empty, run
from protocols.arithmetic.philox import DrawPurpose, words
from protocols.errors import ParameterError, WouldWrap
from tests.epidemics import agents_on
from tests.plain_epidemic import days

THETA = Point(beta=0.06, latent=2.0, infectious=3.5, initial=0.1, reduction=0.4, efficacy=0.5)
STEPS = 14


def problem_of(seed, *, n=60, period=3, vaccinated=0.5, first=5):
    """Draw a problem with contacts that change by day, repeated contacts among them."""
    rng = np.random.default_rng(seed)
    edges = 3 * n
    a = rng.integers(n, size=edges)
    b = (a + rng.integers(1, n, size=edges)) % n
    zero, weight = np.zeros(edges, np.int64), rng.integers(1, 4, edges)
    table = ContactTable(rng.integers(period, size=edges), a, b, zero, weight)
    world = world_of(
        [Csr.of(table, n=n, day=day) for day in range(period)],
        steps=STEPS,
        group=rng.integers(3, size=n).astype(np.int32),
        vaccinated=rng.random(n) < vaccinated,
        first=first,
    )
    outputs = (Output("all", INFECTED, (1.0,) * world.groups, 0, STEPS), Output("ill", ILL, (1.0,) * 3, 2, 9))
    return EpidemicProblem("drawn", "a test", world, Outputs.of(outputs, groups=world.groups, steps=STEPS), 1.0, 1.5)


def path_of(problem, theta, seed):
    """Run a seed with its history."""
    path = empty(problem.world, history=True)
    run(problem.world, problem.law(theta), seed, path)
    return path


def slowly(problem, theta, seed, forced=(None, 0, 0)):
    """Run one seed in plain Python, with one draw changed; return the step of infection and the window of each."""
    world, law, n = problem.world, problem.law(theta), problem.n
    key, agents = (seed, 0), np.arange(problem.n, dtype=np.uint64)
    latent = days(words(key, agents, DrawPurpose.LATENT), problem.days(theta, LATENT).law)
    stay = days(words(key, agents, DrawPurpose.INFECTIOUS), problem.days(theta, LATENT + 1).law)
    kind, who, when = forced
    latent[who] += kind == LATER
    stay[who] += kind == LONGER
    path = path_of(problem, theta, seed)
    begun = (words(key, agents, DrawPurpose.INITIAL) >> np.uint64(32)) < law.initial
    begun[who] |= kind == BEGUN
    at = np.where(begun, -1, STEPS)
    begin, end = np.where(begun, 0, STEPS), np.where(begun, stay, STEPS)
    total = np.zeros(n, dtype=np.int64)
    for t in range(STEPS):
        heard = np.zeros(n, dtype=np.int64)
        day = t % len(world.indptr)
        for j in np.flatnonzero((begin <= t) & (t < end)):
            part = slice(world.indptr[day, j], world.indptr[day, j + 1])
            np.add.at(heard, world.indices[part], world.weight[part])
        total += heard * law.factor[int(t >= world.first)][world.vaccinated]
        new = (at == STEPS) & ((total > path.threshold) | ((kind == FORCED) & (np.arange(n) == who) & (t == when)))
        at[new] = t
        begin[new] = t + latent[new] + 1
        end[new] = begin[new] + stay[new]
    return at, begin, end


def series_of(problem, at, begin, end):
    """Return the series of what happened."""
    series = np.zeros((2, problem.world.groups, STEPS))
    for i, group in enumerate(problem.world.group):
        if at[i] < STEPS:
            series[0, group, max(at[i], 0)] += 1
        series[1, group, begin[i] : end[i]] += 1
    return series


@pytest.mark.parametrize("seed", range(5))
def test_a_run_has_the_bits_of_the_engine(seed):
    problem = problem_of(seed, vaccinated=0.0, period=1)
    theta = THETA.shift(REDUCTION, -THETA.reduction)
    law = problem.law(theta)
    beta = int(law.factor[0, 0])
    latent, infectious = (problem.days(theta, LATENT + k).law for k in range(2))
    world = problem.world
    graph = Csr(world.indptr[0], world.indices, world.weight * beta)
    model = graph_of(TableIntegers((beta,), 0, latent, infectious, int(law.initial), F))
    engine = agents_on(model, [graph], key=(seed, 0))
    path = path_of(problem, theta, seed)
    for t in range(STEPS):
        ill = int(((path.begin <= t) & (t < path.end)).sum())
        assert (int((path.at >= t).sum()), ill) == (int(engine.tally()[0]), int(engine.tally()[2]))
        engine.update()


@pytest.mark.parametrize("seed", range(5))
def test_a_compiled_run_is_the_plain_run(seed):
    problem = problem_of(seed)
    path = path_of(problem, THETA, seed)
    at, begin, end = slowly(problem, THETA, seed)
    np.testing.assert_array_equal(path.at, at)
    np.testing.assert_array_equal(path.series, series_of(problem, at, begin, end))


@pytest.mark.parametrize("seed", range(4))
def test_a_replayed_alternative_is_the_same_run_with_one_draw_changed(seed):
    problem = problem_of(seed)
    path, room = path_of(problem, THETA, seed), room_of(problem.world)
    model = (problem.world, problem.law(THETA), key_of((seed, 0)))
    rng = np.random.default_rng(seed)
    flips = [(FORCED, i, t) for i in np.flatnonzero(path.at == STEPS)[:8] for t in rng.integers(STEPS, size=2)]
    later = np.flatnonzero((path.at > 1) & (path.at < STEPS))[:8]
    flips += [(FORCED, i, int(rng.integers(path.at[i]))) for i in later]
    flips += [(BEGUN, i, 0) for i in np.flatnonzero(path.at >= 0)[:8]]
    flips += [(kind, i, 0) for kind in (LATER, LONGER) for i in np.flatnonzero((path.at >= 0) & (path.at < STEPS))[:12]]
    changed = 0
    for flip in flips:
        changed += replay(model, path, room, tuple(int(x) for x in flip)) > 1
        alternative = series_of(problem, *slowly(problem, THETA, seed, flip))
        np.testing.assert_array_equal(path.series + room.series, alternative, err_msg=str(flip))
        assert not room.mark.any()
    assert changed > 5


@pytest.mark.parametrize(("parameter", "by"), [(BETA, 0.02), (INITIAL, 0.1), (REDUCTION, -0.3), (EFFICACY, -0.3)])
def test_under_common_random_numbers_more_hazard_infects_nobody_later(parameter, by):
    problem = problem_of(9)
    earlier, moved = 0, THETA.shift(parameter, by)
    for seed in range(20):
        here, there = path_of(problem, THETA, seed), path_of(problem, moved, seed)
        assert (there.at <= here.at).all()
        earlier += int((there.at < here.at).sum())
    assert earlier > 0


def test_a_problem_whose_hazards_could_wrap_is_refused():
    with pytest.raises(WouldWrap, match="could reach"):
        problem_of(1).law(THETA.shift(BETA, 999_999.0))


@pytest.mark.parametrize("given", [{"beta": 0.0}, {"initial": 1.0}, {"efficacy": -0.1}, {"latent": -1.0}])
def test_a_point_out_of_range_is_refused(given):
    with pytest.raises(ParameterError, match=next(iter(given))):
        Point(**{"beta": 1.0, "latent": 1.0, "infectious": 1.0, "initial": 0.1, **given})
