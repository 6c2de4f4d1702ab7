"""Every environment, ours and a user's: numbers of the model, in range, from releases alone; mistakes are one line."""

import dataclasses

import msgspec
import numpy as np
import pytest

from lpm_secure.config.environment import environment_of
from lpm_secure.environments import Environment, PublicValue, StepTotals
from lpm_secure.environments.announcer import Announcer, rehearse
from lpm_secure.environments.schedule import InterventionSchedule
from lpm_secure.models.tracer import trace
from protocols.errors import ConfigError, ModelError
from protocols.models.graph.agents import GraphModel
from protocols.task.release_plan import ReleasePlan
from tests.user_models import MODELS, Opinion

RANGES = {"closure": [0, 1], "weather": [-5, 5]}
TABLES = {
    "schedule": {"name": "schedule", "numbers": {"closure": [[0, 0], [2, 1], [5, 0]], "weather": [[0, -5], [3, 5]]}},
    "threshold": {"name": "threshold", "number": "closure", "total": "ILL", "above": 4, "below": 1},
    "uniform": {"name": "uniform", "ranges": RANGES, "seed": 7},
    "council": {"name": "tests.user_models:Council"},
}
STEPS = 8


def parts_of(manifest):
    return manifest.dynamics, ReleasePlan.of(manifest)


def manifest_with(manifest_of, public, **changes):
    """Return a manifest of a model that hears these numbers alone."""
    traced = trace(MODELS["closures"])
    unheard = dict(traced.graph.public)
    kept = {name: unheard[name] for name in public}
    model = GraphModel(traced.graph, dict(traced.parameters))
    if len(kept) < len(unheard):  # what nothing says is 0
        nodes = [
            node if node.op != "public" or node.name in kept else type(node)("constant", numbers=(0,))
            for node in traced.graph.nodes
        ]
        model = GraphModel(msgspec.structs.replace(traced.graph, nodes=tuple(nodes), public=kept), model.parameters)
    given = {"model": model, "model_hash": model.digest, "channels": model.contact_channels, "engine": True}
    return manifest_of([(1, 2), (3,)], **given | {"steps": STEPS, "cells": (9, 9)} | changes)


@pytest.fixture(params=TABLES)
def table(request):
    return TABLES[request.param]


def heard_by(table):
    return ("closure",) if table["name"] == "threshold" else ("closure", "weather")


def totals(step, *, seed=1):
    """Return what a made-up step released: tallies of private and synthetic agents, and totals of cells."""
    rng = np.random.default_rng([seed, step])
    return [rng.integers(0, high, size) for high, size in ((7, 4), (2, 4), (9, 2))]


def announced(manifest, table, *, seed=1, steps=STEPS):
    announcer, rows = Announcer.of(*parts_of(manifest), environment_of(table)), []
    for step in range(steps + 1):
        rows.append(announcer.announce(step).tolist())
        announcer.observe(*totals(step, seed=seed))
    return announcer, rows


def test_each_number_of_each_step_is_there_and_in_its_range(manifest_of, table):
    manifest = manifest_with(manifest_of, heard_by(table))
    announcer, rows = announced(manifest, table)
    assert list(announcer.numbers) == list(heard_by(table))
    assert np.array(rows).T.tolist() == [list(numbers) for numbers in announcer.numbers.values()]
    for name, numbers in announcer.numbers.items():
        low, high = manifest.model.graph.public[name]
        assert all(type(number) is int and low <= number <= high for number in numbers)
        assert numbers[-1] == numbers[-2]  # nobody moves on by those of the closing round


def test_the_same_releases_give_the_same_numbers(manifest_of, table):
    manifest = manifest_with(manifest_of, heard_by(table))
    assert announced(manifest, table)[1] == announced(manifest, table)[1]


def test_a_number_follows_from_releases_of_steps_before_and_from_no_later_one(manifest_of, table):
    manifest = manifest_with(manifest_of, heard_by(table))
    rows = announced(manifest, table)[1]
    announcer = Announcer.of(*parts_of(manifest), environment_of(table))
    for step in range(4):
        assert announcer.announce(step).tolist() == rows[step]
        announcer.observe(*totals(step, seed=1 if step < 3 else 99))
    assert announcer.announce(4).shape == (len(heard_by(table)),)


def test_what_was_announced_is_announced_again_by_a_schedule_of_it(manifest_of, table):
    manifest = manifest_with(manifest_of, heard_by(table))
    announcer, rows = announced(manifest, table)
    again = Announcer.of(*parts_of(manifest), InterventionSchedule.of(announcer.numbers))
    assert [again.announce(step).tolist() for step in range(STEPS + 1)] == rows


def test_a_rehearsal_changes_nothing_and_finds_nothing_wrong(manifest_of, table):
    rehearse(*parts_of(manifest_with(manifest_of, heard_by(table))), environment_of(table))


def test_a_policy_that_reacts_takes_and_lifts_its_measure_with_hysteresis():
    policy = environment_of(TABLES["threshold"])
    seen, before, releases = [], {}, []
    for ill in (0, 3, 4, 3, 2, 1, 3, 0, 9):
        before = policy.step(before, releases, len(releases))
        seen.append(before["closure"])
        releases.append(StepTotals({"ILL": ill}, {"ILL": 0}))
    assert seen == [0, 0, 0, 1, 1, 1, 0, 0, 0]
    assert policy.step(before, releases, 9) == {"closure": 1}


@dataclasses.dataclass(frozen=True)
class Saying(Environment):
    """An environment that says one thing, whatever happens."""

    said: object

    def step(self, before, releases, t):
        return self.said() if callable(self.said) else self.said


def fail():
    raise ZeroDivisionError("no weather")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"closure": 2, "weather": 0}, r"Saying in step 0: closure is 2; it must be one number in \[0, 1\]"),
        ({"closure": 0, "weather": -6}, r"weather is -6; it must be one number in \[-5, 5\]"),
        ({"closure": 0}, r"public numbers are \['closure'\]; the model takes \['closure', 'weather'\]"),
        ({"closure": 0, "weather": 0, "moon": 1}, r"public numbers are \['closure', 'moon', 'weather'\]"),
        ({"closure": True, "weather": 0}, "closure is True; give whole numbers"),
        ({"closure": 0.0, "weather": 0}, "closure is 0.0; give whole numbers"),
        ({"closure": [0, 1], "weather": 0}, r"closure is \[0, 1\]; it must be one number"),
        ({"closure": 2**70, "weather": 0}, "give whole numbers of at most 64 bits"),
        (None, "returns NoneType; return a number of each name in a mapping"),
        (fail, r"test_environments.py:\d+: the environment Saying in step 0 raises ZeroDivisionError: no weather"),
        ({"closure": PublicValue(0, 1.5), "weather": 0}, r"the relaxed closure is 1.5; it must lie in \[0, 1\]"),
        ({"closure": PublicValue(0, float("nan")), "weather": 0}, "the relaxed closure is nan"),
    ],
)
def test_what_an_environment_must_not_say_is_one_line(manifest_of, said, words):
    announcer = Announcer.of(*parts_of(manifest_with(manifest_of, ("closure", "weather"))), Saying(said))
    with pytest.raises(ModelError, match=words) as refused:
        announcer.announce(0)
    assert "\n" not in str(refused.value)


def test_an_unrounded_value_stands_beside_its_integer(manifest_of):
    import torch

    value = torch.tensor(0.4, requires_grad=True)
    said = {"closure": PublicValue(0, value * 2), "weather": np.int64(-3)}
    announcer = Announcer.of(*parts_of(manifest_with(manifest_of, ("closure", "weather"))), Saying(said))
    assert announcer.announce(0).tolist() == [0, -3]
    assert announcer.relaxed.keys() == {"closure"}
    announcer.relaxed["closure"].backward()
    assert float(value.grad) == 2.0


def test_a_model_and_its_environment_come_together(manifest_of):
    heard = manifest_with(manifest_of, ("closure", "weather"))
    with pytest.raises(ConfigError, match="the model hears closure, weather, and nothing says them"):
        rehearse(*parts_of(heard), None)
    model = GraphModel(trace(Opinion).graph, dict(trace(Opinion).parameters))
    given = {"model": model, "model_hash": model.digest, "channels": model.contact_channels, "engine": True}
    with pytest.raises(ConfigError, match="the model hears no public number; leave it out"):
        rehearse(*parts_of(manifest_of(**given)), environment_of(TABLES["council"]))


@pytest.mark.parametrize(
    ("table", "kind", "words"),
    [
        ({"number": "closure"}, ConfigError, "needs a name: schedule, threshold, uniform, or package:Class"),
        ({"name": "shedule"}, ModelError, "there is no environment shedule; there are schedule"),
        ({"name": "tests.user_models:Opinion"}, ModelError, "is no lpm.Environment"),
        ({"name": "tests.user_models:Nothing"}, ModelError, "is no lpm.Environment"),
        (
            {**TABLES["threshold"], "abov": 3},
            ConfigError,
            "abov, which threshold does not take; did you mean `above`",
        ),
        ({"name": "threshold", "number": "closure"}, ConfigError, "needs total, above, below, which threshold takes"),
        ({**TABLES["threshold"], "above": "4"}, ConfigError, r"threshold: Expected `int`, got `str` - at `\$.above`"),
        ({**TABLES["threshold"], "above": 1}, ConfigError, "give a below that is less than above"),
        ({"name": "schedule", "numbers": {"closure": [[1, 0]]}}, ConfigError, "give them in order, from step 0 on"),
        ({"name": "schedule", "numbers": {"closure": [[0, 0], [4, 1], [4, 0]]}}, ConfigError, "give them in order"),
        ({"name": "tests.user_models:Council", "mood": 1}, ConfigError, "known keys are none"),
    ],
)
def test_a_table_that_is_no_environment_is_one_line(table, kind, words):
    with pytest.raises(kind, match=words) as refused:
        environment_of(table)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("given", [{"number": "clozure"}, {"total": "SICK"}, {"on": 7, "above": 0, "below": -1}])
def test_a_name_or_value_that_the_model_has_not_is_found_before_a_run(manifest_of, given):
    manifest = manifest_with(manifest_of, ("closure",))
    with pytest.raises(ModelError, match=r"clozure|there is no total SICK; the model's are WELL, ILL|closure is 7"):
        rehearse(*parts_of(manifest), environment_of(TABLES["threshold"] | given))
