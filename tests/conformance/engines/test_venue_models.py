"""Any model in venues: the compiled step has the interpreter's bits, for any number of threads."""

import functools

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numba.core import event

import lpm_secure.models as lpm
from client_sdk.private.contacts import ContactTable
from lpm_secure import checkpoint
from lpm_secure.engine.backends import NumpyBackend, numba_backend
from lpm_secure.engine.backends.torch_backend import TorchBackend
from lpm_secure.engine.model_agents import ContactMatrices, ModelAgents
from lpm_secure.engine.venues.agents import VenueAgents
from lpm_secure.engine.venues.channels import Setting, VenueChannels, VenueLink, Venues
from lpm_secure.engine.venues.exposures import VenueExposures
from lpm_secure.models.library.banks import Banks
from lpm_secure.models.library.doses import LeakyVaccination
from lpm_secure.models.library.opinion import Opinion
from lpm_secure.models.library.pandemic_work import PandemicWork
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.library.seirs import Seirs
from lpm_secure.models.library.staged import StagedEpidemic
from lpm_secure.models.library.strains import Strains
from lpm_secure.models.library.work import LabourMarket
from lpm_secure.models.tracer import trace
from protocols.errors import ParameterError, WouldWrap

N, BANDS, STEPS = 400, 3, 25
CUDA = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
)


class Mood(lpm.Model):
    """A model without stages: what agents hear exactly, of others and of their cell, by public numbers and days."""

    mood = lpm.field(0, 100)
    patience = lpm.field(1, 9)
    heat = lpm.field(0, 50)  # the same for all
    week = lpm.period("week", steps=7, count=3)
    drift = lpm.parameter((1, 3, 0), bounds=(0, 3), over=week)
    weather = lpm.public(0, 5)
    talk = lpm.message(most=100)
    noise = lpm.cell_message(most=4)
    loud = lpm.outcome({talk: 2}, reveals="sum", keep=False)
    worn = lpm.outcome({talk: 1}, keep=True, threshold="step")
    calm = lpm.observable(0, 100)

    def begin(self, me, draw):
        return me.set(mood=draw.uniform(0, 101, "mood"), patience=draw.uniform(1, 10, "patience"), heat=3)

    def says(self, me):
        return {self.talk: lpm.where(me.mood > 50, me.mood, 0), self.noise: me.mood // 30}

    def threshold(self, me):
        return {self.worn: me.patience * 1000 + me.mood}

    def totals(self, me):
        return {self.calm: 100 - me.mood}

    def update(self, me, heard, draw):
        crowd = lpm.where(
            heard.size[self.noise] > 2, heard.cell[self.noise] // lpm.maximum(heard.size[self.noise], 1), 0
        )
        mood = me.mood + lpm.clip(heard[self.loud] // 50, 0, 9) - crowd - heard[self.weather] - me.heat // 10
        mood = mood + self.drift + lpm.where(heard[self.worn] & draw.happens(2**31, "tired"), 0 - me.patience, 1)
        return me.set(mood=lpm.clip(mood, 0, 100), heat=lpm.clip(me.heat + heard[self.weather] - 2, 0, 50)).restart(
            self.worn, heard[self.worn]
        )


class Grudge(lpm.Model):
    """What is heard while one is calm adds up, and is asked for only when one is cross."""

    temper = lpm.stage("CALM", "CROSS", "GONE")
    limit = lpm.field(0, 4000)
    talk = lpm.message(most=3)
    sore = lpm.outcome(talk, above=limit)

    def begin(self, me, draw):
        return me.set(
            temper=lpm.where(draw.happens(2**29, "first"), "CROSS", "CALM"), limit=draw.uniform(0, 4000, "limit")
        )

    def says(self, me):
        return {self.talk: lpm.where(me.temper == "CROSS", 3, lpm.where(me.temper == "CALM", 1, 0))}

    def update(self, me, heard, draw):
        crossed = lpm.where(heard[self.sore], "GONE", lpm.where(draw.happens(2**31, "calm"), "CALM", "CROSS"))
        calm = lpm.where(draw.happens(2**30, "cross"), "CROSS", "CALM")
        return me.set(temper=lpm.where(me.temper == "CROSS", crossed, lpm.where(me.temper == "CALM", calm, "GONE")))


SHORT = (2**30,) * 4
LAWS = dict.fromkeys(("latent_law", "infectious_law", "waning_law"), SHORT)
FASTER = {"contact_rate": 2**23, "initial": 2**28, "home_rate": 2**9, "outside_rate": 2**9} | LAWS
FASTER |= {"rate_a": 2**23, "rate_b": 2**23}
MODELS = [
    SeirModel,
    Seirs,
    LeakyVaccination,
    StagedEpidemic,
    Strains,
    Opinion,
    LabourMarket,
    PandemicWork,
    Mood,
    Grudge,
]


traced_of = functools.cache(trace)


def venues_of(generator):
    """Draw homes, workplaces that some have, wards that mix by age, and streets."""
    home = generator.integers(N // 3, size=N).astype(np.int32)
    work = generator.integers(-1, 20, size=N).astype(np.int32)
    ward = generator.integers(4 * BANDS, size=N).astype(np.int32)
    mixing = generator.integers(1, 600, size=(BANDS, BANDS))
    return Venues.of(
        [
            Setting("home", home, np.maximum(np.bincount(home, minlength=N // 3) - 1, 1)),
            Setting("work", work, generator.integers(1, 30, size=20)),
            Setting("ward", ward, np.full(4 * BANDS, N // 12), mixing),
            Setting("street", generator.integers(-1, 9, size=N).astype(np.int32), np.full(9, 40)),
        ]
    )


def channels_of(graph, venues):
    """Bind a model's channels: the first one along contacts to three settings, others to one each, cells to streets."""
    links = {}
    for place, (name, channel) in enumerate(sorted(graph.channels.items())):
        at_work = VenueLink(1, scale=50, weight=(1, 3, 2))
        links[name] = (VenueLink(0), at_work, VenueLink(2, scale=30)) if place == 0 else (VenueLink(place % 2),)
        if channel.cell:
            links[name] = (VenueLink(3),)
    return VenueChannels(venues, links)


def worlds(model, seed, *, backends=(NumpyBackend,), threads=(1, 2), order=None):
    """Return agents of a model in drawn venues, on back ends and compiled; in another order if one is given."""
    generator, traced = np.random.default_rng(seed), traced_of(model)
    graph, venues = traced.graph, venues_of(generator)
    numbers = generator.permutation(10**6)[:N].astype(np.uint64)
    columns = {
        name: generator.integers(each.low, min(each.high, each.low + 99) + 1, N)
        for name, each in sorted(graph.fields.items())
        if each.private
    }
    if order is not None:
        venues = Venues.of([Setting(s.name, s.venue[order], s.size, s.mixing) for s in venues.settings])
        numbers, columns = numbers[order], {name: values[order] for name, values in columns.items()}
    channels = channels_of(graph, venues)
    scalar = {name for name, each in graph.parameters.items() if not each.axes}
    parameters = {
        name: FASTER[name] if name in scalar & FASTER.keys() else value for name, value in traced.parameters.items()
    }
    given = {"key": (seed, 7), "agents": numbers, "columns": columns, "steps": STEPS}
    plain = []
    for make in backends:
        backend = make(graph)
        received = VenueExposures(channels, backend)
        plain.append(
            ModelAgents(backend, parameters, contacts=received, cells=received.cells(), saturate=True, **given)
        )
    return plain, [VenueAgents(graph, parameters, channels, threads=many, **given) for many in threads]


def public_of(graph, step):
    """Return numbers of the environment, another one in each step."""
    return {name: low + step % (high - low + 1) for name, (low, high) in graph.public.items()}


@pytest.mark.parametrize("model", MODELS)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=3, suppress_health_check=list(HealthCheck))
def test_a_compiled_step_is_the_interpreters_to_the_bit(model, seed):
    graph = traced_of(model).graph
    (plain,), compiled = worlds(model, seed)
    seen = set()
    for step in range(STEPS):
        seen.add(tuple(plain.tally_totals()))
        for agents in compiled:
            np.testing.assert_array_equal(agents.tally(), plain.tally_totals())
        public = public_of(graph, step)
        for agents in (plain, *compiled):
            agents.update(public)
        for agents in compiled:
            for name in agents.fields:
                np.testing.assert_array_equal(agents.column(name), plain.state[name], err_msg=f"{name} in step {step}")
    assert len(seen) > 2  # something happens in more than a step


@pytest.mark.parametrize("model", [Seirs, Mood])
def test_a_step_is_compiled_when_agents_are_drawn(model, tmp_path, monkeypatch):
    monkeypatch.setattr(numba_backend, "FOLDER", tmp_path)  # where no earlier process has left code
    with event.install_recorder("numba:compile") as drawn:
        _, (agents,) = worlds(model, 1, threads=(1,))
    with event.install_recorder("numba:compile") as moved:
        agents.update(public_of(traced_of(model).graph, 0))
    assert drawn.buffer
    assert not moved.buffer


@pytest.mark.parametrize("model", [StagedEpidemic, PandemicWork, Mood])
@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_torch_has_the_interpreters_bits(model, device):
    graph = traced_of(model).graph
    (plain, tensors), _ = worlds(model, 5, backends=(NumpyBackend, lambda each: TorchBackend(each, device)), threads=())
    for step in range(STEPS):
        for agents in (plain, tensors):
            agents.update(public_of(graph, step))
        np.testing.assert_array_equal(plain.tally_totals(), tensors.tally_totals())
        for name, values in plain.state.items():
            np.testing.assert_array_equal(values, tensors.state[name].cpu().numpy())


@pytest.mark.parametrize("model", [Seirs, Opinion, Mood])
def test_agents_in_another_order_are_the_same_agents(model):
    graph, order = traced_of(model).graph, np.random.default_rng(3).permutation(N)
    (_, (one,)), (_, (other,)) = (worlds(model, 11, threads=(1,), order=each) for each in (None, order))
    for step in range(STEPS):
        for agents in (one, other):
            agents.update(public_of(graph, step))
        np.testing.assert_array_equal(one.tally(), other.tally())
    for name in one.fields:
        np.testing.assert_array_equal(one.column(name)[order], other.column(name))


@pytest.mark.parametrize("model", [Seirs, StagedEpidemic, Mood])
def test_agents_go_on_from_a_checkpoint_with_the_same_bits(model, tmp_path):
    graph, (_, (first, second)) = traced_of(model).graph, worlds(model, 21)
    for step in range(STEPS // 2):
        first.update(public_of(graph, step))
    checkpoint.save(tmp_path / "c", first.save(), owner="drawn")
    second.load(checkpoint.load(tmp_path / "c", checkpoint.Nothing, owner="drawn")[0])
    for step in range(STEPS // 2, STEPS):
        for agents in (first, second):
            agents.update(public_of(graph, step))
    for name, values in first.save().items():
        np.testing.assert_array_equal(values, second.save()[name])
    saved = first.save() | {f"field_{first.fields[0]}": np.zeros(3, dtype=np.uint8)}
    with pytest.raises(ParameterError, match="it is of another run"):
        second.load(saved)


def test_an_agent_hears_the_others_of_its_venue_as_contacts_that_all_have_with_all():
    """Venues whose totals count are contacts of all members with each other."""
    generator, traced = np.random.default_rng(2), traced_of(Opinion)
    office = generator.integers(-1, 40, size=N).astype(np.int32)
    pairs = [(0, a, b, 0, 1) for a in range(N) for b in range(a) if office[a] == office[b] >= 0]
    contacts = ContactMatrices(ContactTable(*np.array(pairs).T), traced.graph.channels, n=N, period=1)
    meet = VenueChannels(Venues.of([Setting("office", office, np.full(40, 1))]), {"talk": (VenueLink(0),)})
    columns = {"doubt": generator.integers(0, 3, N)}
    given = {"key": (1, 2), "agents": np.arange(N, dtype=np.uint64), "columns": columns, "steps": STEPS}
    plain = ModelAgents(NumpyBackend(traced.graph), traced.parameters, contacts=contacts, **given)
    agents = VenueAgents(traced.graph, traced.parameters, meet, **given)
    seen = set()
    for _ in range(STEPS):
        np.testing.assert_array_equal(agents.column("opinion"), plain.state["opinion"])
        seen.add(int(agents.tally()[1]))
        for each in (plain, agents):
            each.update()
    assert len(seen) > 2


@pytest.mark.parametrize(
    ("links", "said"),
    [
        ({"talk": ()}, "noise meets nowhere"),
        ({"talk": (), "noise": (VenueLink(2),)}, "a channel of cells"),
        ({"talk": (), "noise": (VenueLink(3), VenueLink(1))}, "a channel of cells"),
        ({"talk": (VenueLink(0, scale=2**56),), "noise": (VenueLink(3),)}, "use a smaller scale"),
        ({"talk": (VenueLink(0, weight=(2**57,)),), "noise": (VenueLink(3),)}, "could reach 2"),
    ],
)
def test_channels_that_meet_nowhere_or_could_wrap_are_refused(links, said):
    graph, venues = traced_of(Mood).graph, venues_of(np.random.default_rng(1))
    with pytest.raises((ParameterError, WouldWrap), match=said):
        VenueAgents(graph, traced_of(Mood).parameters, VenueChannels(venues, links), key=(1, 2))


def test_venues_have_no_directed_contacts_and_no_numbers_of_these():
    graph, venues = traced_of(Banks).graph, venues_of(np.random.default_rng(1))
    links = dict.fromkeys(graph.channels, (VenueLink(0),))
    with pytest.raises(ParameterError, match="directed contacts"):
        VenueAgents(graph, traced_of(Banks).parameters, VenueChannels(venues, links), key=(1, 2))


def test_a_run_has_no_more_steps_than_its_levels_are_proved_for():
    _, (agents,) = worlds(Opinion, 1, threads=(1,))
    for _ in range(STEPS):
        agents.update()
    with pytest.raises(ParameterError, match="has 25 steps"):
        agents.update()
