"""Which runs the seeds of a private simulation become, and that their people are the same."""

import pytest

import lpm_secure as lpm
from lpm_secure.scenario import runs
from protocols.task.checks.replicates import MOST_NUMBERS
from protocols.task.manifest import MOST_COPIES
from tests.unit.lpm_secure.scenario.conftest import CONTACTS, PEOPLE, Rumour


class Announced(Rumour):
    rain = lpm.public(0, 1)
    wind = lpm.public(0, 1)

    def says(self, me):
        return {self.talk: (me.mind == "AWARE") & (self.rain == 0) & (self.wind == 0)}


def test_more_seeds_than_a_run_may_have_replicates_are_several_runs(rumour):
    each = runs._replicates(rumour.config, range(7, 7 + 2 * MOST_COPIES + 1))
    assert [len(seeds) for seeds in each] == [MOST_COPIES, MOST_COPIES, 1]
    assert [seed for seeds in each for seed in seeds] == list(range(7, 7 + 2 * MOST_COPIES + 1))
    assert runs._replicates(rumour.config, [3, 5]) == [[3], [5]]


def test_public_numbers_make_a_run_have_fewer_replicates():
    quiet = lpm.InterventionSchedule({"rain": [[0, 0]], "wind": [[0, 0]]})
    config = lpm.Simulation(model=Announced, people=PEOPLE, contacts=CONTACTS, environment=quiet, steps=2).config
    each = runs._replicates(config, range(MOST_COPIES))
    assert [2 * len(seeds) for seeds in each] == [MOST_NUMBERS, MOST_NUMBERS]


def test_the_draws_of_a_seed_are_among_the_people_of_the_simulation(rumour):
    config = rumour.config.with_draws(9, replicates=4)
    assert (config.seed, config.people_seed, config.private.replicates) == (9, rumour.config.seed, 4)
    assert config.with_draws(10).people_seed == rumour.config.seed


@pytest.mark.slow
def test_several_runs_have_the_bits_of_runs_in_the_clear(rumour, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "MOST_COPIES", 2)
    result = rumour.run(seeds=[7, 8, 9], private=True, out=tmp_path)
    assert (len(result.folders), result.parity, result.seeds) == (2, "identical", (7, 8, 9))
    assert result.hashes == rumour.run(seeds=[7, 8, 9]).hashes
