"""A simulation is built of objects, changed by names, and refuses in one line what it does not understand."""

import dataclasses

import networkx
import pyarrow as pa
import pyarrow.csv
import pytest

import lpm_secure as lpm
from lpm_secure.run.jobs import simulate_clear
from protocols.errors import ParameterError
from tests.unit.lpm_secure.scenario.conftest import CONTACTS, PEOPLE, Rumour


def test_a_seed_is_what_a_run_of_its_configuration_has(tmp_path):
    path = tmp_path / "run.toml"
    pyarrow.csv.write_csv(pa.table(PEOPLE), tmp_path / "people.csv")
    pyarrow.csv.write_csv(pa.table(CONTACTS), tmp_path / "contacts.csv")
    path.write_text(
        'name = "own"\nseed = 4\nsteps = 5\nmodel = "tests.unit.lpm_secure.scenario.conftest:Rumour"\n'
        '[private]\npeople = "people.csv"\ncontacts = "contacts.csv"\nclients = "one"\n[protocol]\nmin_cohort = 1\n'
    )
    simulation = lpm.load(path)
    own = lpm.Simulation(
        model=Rumour, people=tmp_path / "people.csv", contacts=tmp_path / "contacts.csv", steps=5, seed=4
    )
    assert simulation.run().hashes == own.run().hashes == (simulate_clear(simulation.config).hash,)


def test_files_frames_and_a_graph_are_the_same_people(rumour):
    graph = networkx.path_graph([f"p{n}" for n in range(30)])
    of_graph = lpm.Simulation(model=Rumour, people=graph, steps=6)
    tables = lpm.Simulation(model=Rumour, people=pa.table(PEOPLE), contacts=graph, steps=6)
    assert rumour.run().hashes == of_graph.run().hashes == tables.run().hashes


def test_a_simulation_keeps_its_model_where_a_later_cell_writes_another_of_that_name(rumour):
    def cell(start):
        return type("Rumour", (Rumour,), {"start": lpm.parameter(start, unit=lpm.PROBABILITY)})

    made = [lpm.Simulation(model=cell(start), people=PEOPLE, contacts=CONTACTS, steps=6) for start in (0.1, 0.9)]
    low, high = (each.run().values("private_AWARE")[0, 0] for each in made)
    assert low < high
    assert made[0].run().hashes == rumour.run().hashes


def test_with_changes_a_parameter_and_leaves_the_simulation_as_it_was(rumour):
    changed = rumour.with_(start=0.5, steps=3)
    assert (changed.steps, changed.config.parameters) == (3, {"start": 0.5})
    assert (rumour.steps, rumour.config.parameters) == (6, {})


@dataclasses.dataclass(frozen=True)
class Weather(lpm.Environment):
    """Counts up."""

    first: int = 0

    def step(self, before, releases, t):
        return {"rain": min(self.first + t, 5)}


SUM = {"mode": "sum"}  # as nobody tells anybody anything


class Walker(lpm.Model):
    place = lpm.stage("IN", "OUT")
    rain = lpm.public(0, 5)

    def begin(self, me, draw):
        return me.set(place="OUT")

    def says(self, me):
        return {}

    def update(self, me, heard, draw):
        return me.set(place=lpm.where(heard[self.rain] > 2, "IN", "OUT"))


def test_an_environment_of_ones_own_is_new_in_each_run_and_stays_in_this_process():
    walk = lpm.Simulation(model=Walker, people=PEOPLE, environment=Weather(first=1), steps=4, protocol=SUM)
    result = walk.run(seeds=2)
    assert result.values("public_rain").tolist() == [[1, 2, 3, 4, 4]] * 2
    cell = type("Weather", (Weather,), {"__module__": "__main__"})
    own = lpm.Simulation(model=Walker, people=PEOPLE, environment=cell(1), steps=4, protocol=SUM)
    with pytest.raises(ParameterError, match="a class of this session: write it into a file"):
        own.run(seeds=2, workers=2)
    assert own.run(seeds=2).hashes == result.hashes


REFUSALS = {
    "there is no parameter strat; did you mean start": lambda sim: sim.with_(strat=0.2),
    r"parameters.start is 1.5; it must lie in \[0, 1\]": lambda sim: sim.with_(start=1.5),
    "seeds are 0; give how many": lambda sim: sim.run(seeds=0),
    "seeds are": lambda sim: sim.run(seeds=[1, 1]),
    "workers is 0": lambda sim: sim.run(workers=0),
    "the data sets are workplace_invs15, look_alike": lambda sim: lpm.Simulation(
        model=Rumour, people="look_alik", steps=2
    ),
    "and there is no such file": lambda sim: lpm.Simulation(model=Rumour, people="gone.csv", steps=2),
    "there is no model rumor": lambda sim: lpm.Simulation(model="rumor", people="look_alike", steps=2),
    "did you mean `protocol`": lambda sim: lpm.Simulation(model=Rumour, people=PEOPLE, steps=2, protocl={}),
    "needs people": lambda sim: lpm.Simulation(model=Rumour, steps=2),
    "there are contacts and no people": lambda sim: lpm.Simulation(model=Rumour, contacts=CONTACTS, steps=2),
    "channels is 3; give a table": lambda sim: lpm.Simulation(model=Rumour, people=PEOPLE, steps=2, channels=3),
    "channels.talk is 3": lambda sim: lpm.Simulation(model=Rumour, people=PEOPLE, steps=2, channels={"talk": 3}),
    "parameters is 3": lambda sim: lpm.Simulation(model=Rumour, people=PEOPLE, steps=2, parameters=3),
    "population is 3": lambda sim: lpm.Simulation(model=Rumour, population=3, agents=1, steps=2),
    "seeds are None": lambda sim: sim.run(seeds=None),
    "seeds are 2.5": lambda sim: sim.run(seeds=2.5),
    "seeds are abc": lambda sim: sim.run(seeds="abc"),
    "no such folder": lambda sim: lpm.Simulation(model=Rumour, population="gone", agents=1, steps=2),
    "model is 3; give a class": lambda sim: lpm.Simulation(model=3, people=PEOPLE, steps=2),
    "Expected `int`": lambda sim: lpm.Simulation(model=Rumour, people=PEOPLE, steps="many"),
    "environment is a object": lambda sim: lpm.Simulation(model=Rumour, people=PEOPLE, steps=2, environment=object()),
    "^people has a column persn, which nothing reads|^people has no column person": lambda sim: lpm.Simulation(
        model=Rumour, people={"persn": ["a"]}, steps=2
    ).run(),
}


@pytest.mark.parametrize("message", REFUSALS)
def test_a_mistake_is_one_line_of_one_kind_of_error(rumour, message):
    with pytest.raises(ParameterError, match=message) as raised:
        REFUSALS[message](rumour)
    assert "\n" not in str(raised.value)


def test_a_city_has_no_private_run():
    city = lpm.load("examples/offices.toml")
    assert not city.is_private
    with pytest.raises(ParameterError, match="a city without private agents"):
        city.run(private=True)


def test_a_notebook_shows_a_simulation_and_a_result(rumour, result):
    assert "rumour" in rumour._repr_html_()
    assert "private_AWARE" in result._repr_html_()
