"""Personal contact risk: every device's bits are the clear ones, and only its noised bin gets out."""

import asyncio
import dataclasses
import stat
from pathlib import Path

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa
import torch

from client_sdk.secure_sum.contribution import Contribution
from client_sdk.secure_sum.journal import SumJournal
from client_sdk.simulation.exchange import Exchange
from lpm_secure.analysis.risk import config as configs
from lpm_secure.analysis.risk import host, job, personal, replay
from lpm_secure.analysis.risk.config import DistributionConfig, PeopleConfig, RiskConfig
from lpm_secure.analysis.risk.distribution import distribution, sigma_of
from lpm_secure.analysis.risk.personal import Personal, Worlds
from lpm_secure.analysis.risk.report import summary_of
from lpm_secure.analysis.risk.risk_law import ESTIMATE, RiskEstimate
from lpm_secure.analysis.risk.worlds import halve, select_departments, week
from lpm_secure.config.laws import Delay
from lpm_secure.config.model import ModelConfig
from lpm_secure.config.simulation import ProtocolConfig
from lpm_secure.data.contact_data import ContactData
from lpm_secure.engine.loop import RemotePart, simulate_replicates
from lpm_secure.monitor.runs import cards
from lpm_secure.report import folder as folders
from lpm_secure.testbed.contacts import contacts_of
from protocols import canonical_json
from protocols.errors import ConfigError, ParameterError, ProtocolError
from protocols.task.parties import ENGINE
from protocols.task.secure_sum.range import SumRule
from tests.epidemics import Stage

PEOPLE, EDGES = 6, (0.25, 0.5, 0.75)
BINS = len(EDGES) + 1
ADDRESSES = tuple(f"localhost:{port}" for port in range(1, 6))


def drawn(seed=4):
    draw = np.random.default_rng(seed)
    rows = sorted({(day, *sorted(draw.choice(PEOPLE, 2, replace=False) + 50)) for day in (0, 1, 2) for _ in range(7)})
    day, a, b = np.array(rows).T
    weight = draw.integers(1, 50, day.size)
    return ContactData(np.arange(50, 50 + PEOPLE), ("x", "y", "x") * 2, 3, day, a, b, weight, "drawn for a test", True)


def configured(**changes):
    law = {"latent": Delay(2.0, 0.5), "infectious": Delay(4.0, 1.0)}
    given = {
        "name": "few",
        "seed": 3,
        "days": 5,
        "worlds": 6,
        "model": ModelConfig(beta={"near": 0.03}, initial=0.2, **law),
        "people": PeopleConfig(dataset="look_alike"),
        "distribution": DistributionConfig(edges=EDGES, epsilon=4.0),
        "protocol": ProtocolConfig(min_cohort=3, round_timeout_s=30.0),
    }
    return RiskConfig(**given | changes)


def ran(operators_of, testbed, part):
    """Run devices and engine in this process; return what `part` does for each device, and the released cells."""
    released = []

    async def everybody():
        with operators_of(testbed.manifest) as operators:
            names = [client.name for client in testbed.manifest.clients]
            devices = (part(name, testbed.private_state(name), operators.transports(name)) for name in names)
            engine = RemotePart(testbed.manifest, operators.transports(ENGINE))
            agents = [own.synthetic_agents(torch.device("cpu")) for own in testbed.replicates]
            keep = simulate_replicates(
                testbed.manifest, engine, agents, [None] * len(agents), on_step=lambda step, told: released.append(told)
            )
            _, *found = await asyncio.gather(keep, *devices)
            return dict(zip(names, found, strict=True))

    return asyncio.run(everybody()), released


def stretches(healthy, infected):
    """Yield the bits of neighbouring agents that began healthy, as words that an aggregator would keep of them."""
    for start in range(healthy.size - 3):
        part = slice(start, start + 4)
        if healthy[part].all() and infected[part].any():
            yield infected[part].astype("<u8").tobytes()


@pytest.fixture
def written():
    """Return all bytes that any aggregator writes into its store, as they come."""
    found = []

    def record(connection, cursor, statement, parameters, context, many):
        rows = parameters if many else [parameters]
        found.extend(bytes(value) for row in rows for value in row if isinstance(value, bytes | memoryview))

    sa.event.listen(sa.Engine, "before_cursor_execute", record)
    yield found
    sa.event.remove(sa.Engine, "before_cursor_execute", record)


@pytest.fixture
def lived(operators_of):
    """Return the testbed of a week, every device's risk, what was released, and bits that nobody else may hold."""
    testbed = week(configured(), drawn(), ADDRESSES)

    secrets = []

    async def part(name, private, transports):
        first = private.state["stage"]
        risk = await host.week(testbed.manifest, private, transports)
        secrets.extend(stretches(first == Stage.S, private.state["stage"] != Stage.S))
        return risk

    found, released = ran(operators_of, testbed, part)
    return testbed, found, released, secrets


def test_every_device_gets_the_bits_of_the_clear_replay_and_nobody_else_does(written, lived):
    testbed, found, released, secrets = lived
    assert found == replay.clear(testbed)
    bits = [bit for risk in found.values() for bit in (*risk.before.infected, *risk.halved.infected)]
    assert 0 < sum(bits) < len(bits)
    assert all(step.cells.size == 0 for step in released)
    nobody = (sum(len(client.agents) for client in testbed.manifest.clients), 0, 0, 0)  # of the first replicate
    assert {tuple(step.tally.tolist()) for step in released} == {nobody}  # it learns nothing, and sees no case
    assert len(secrets) > PEOPLE
    assert len(written) > 2 * testbed.manifest.schedule.rounds
    assert not any(secret in content for content in written for secret in secrets)


def test_whom_a_device_knows_to_be_ill_is_ill_in_all_worlds_of_own_tables(operators_of, tmp_path):
    (tmp_path / "people.csv").write_text("person,team,stage\n007,x,I\n7,x,S\nB,x,\nC,y,S\n")
    rows = [f"2026-03-0{day},{a},{b},40" for day in (2, 3) for a, b in (("007", "7"), ("B", "7"), ("C", "7"))]
    (tmp_path / "contacts.csv").write_text("\n".join(["date,a,b,weight", *rows]))
    text = (Path(__file__).parents[2] / "examples" / "risk.toml").read_text()
    people = '[people]\npeople = "people.csv"\ncontacts = "contacts.csv"\ncolumn = "team"\ndepartments = ["x"]\n'
    text = text[: text.index("[people]")] + people + text[text.index("processes") :]
    (tmp_path / "risk.toml").write_text(text.replace("min_cohort = 20", "min_cohort = 3"))
    config = configs.load(tmp_path / "risk.toml")
    testbed = week(config, select_departments(contacts_of(config.week()), ("x",)), ADDRESSES)

    async def part(name, private, transports):
        return await host.week(testbed.manifest, private, transports)

    found, _ = ran(operators_of, testbed, part)
    assert found == replay.clear(testbed)
    assert [len(found[f"person-{number}"].before.infected) for number in (1, 2)] == [0, config.worlds]
    assert 0 < len(found["person-3"].before.infected) <= config.worlds
    assert found["person-2"].before.risk > 0.3  # seven days beside one who is ill


def test_a_twin_tells_nobody_hears_half_and_is_never_worse_off_than_its_person(lived):
    testbed, found = lived[:2]
    twins, copies = set(testbed.listeners.tolist()), testbed.manifest.copies
    heard = np.zeros((2, len(testbed.listeners)), dtype=np.int64)
    for place, client in enumerate(testbed.manifest.clients):
        for day in testbed.private_state(client.name).contacts.days:
            assert twins.isdisjoint((2 * place + day.sender // copies).tolist())
            person, behaviour = np.divmod(day.target // copies, 2)
            np.add.at(heard, (behaviour, person), day.weight)
    pairs = PEOPLE - 1  # each of them is at most half a unit away from half
    assert np.abs(2 * heard[1] - heard[0]).max() <= copies * pairs
    worlds = [zip(risk.before.infected, risk.halved.infected, strict=True) for risk in found.values()]
    apart = np.array([before - halved for own in worlds for before, halved in own])
    assert apart.min() == 0 < apart.max()


def test_of_each_pairs_contacts_every_second_unit_is_kept_from_one_coin_on():
    data = dataclasses.replace(drawn(), weight=np.ones(drawn().day.size, dtype=np.int64))
    rows = list(zip(data.a.tolist(), data.b.tolist(), strict=True))
    firsts = []
    for seed in range(40):
        kept = halve(data, seed=seed).tolist()
        for pair in set(rows):
            own = [keep for each, keep in zip(rows, kept, strict=True) if each == pair]
            assert own == [(own[0] + at) % 2 for at in range(len(own))]
            firsts.append(own[0])
    assert 0.4 < np.mean(firsts) < 0.6
    assert halve(dataclasses.replace(data, weight=data.weight * 7), seed=1).max() == 4
    none = np.zeros(0, dtype=np.int64)
    assert halve(dataclasses.replace(data, day=none, a=none, b=none, weight=none), seed=1).size == 0


def test_halving_helps_and_a_twin_is_close_to_one_who_truly_halves():
    testbed = week(configured(worlds=200, protocol=ProtocolConfig(min_cohort=3)), drawn(), ADDRESSES)
    found, truth = replay.clear(testbed), replay.replay_half_contacts(testbed)
    before, halved = (np.mean([getattr(risk, way).risk for risk in found.values()]) for way in ("before", "halved"))
    truly = np.mean(list(truth.values()))
    assert halved < before - 0.05
    assert truly <= halved + 0.005  # what a twin does not tell others cannot come back to it
    assert halved - truly < 0.1


def summed(operators_of, tmp_path, manifest, risks):
    """Run a distribution in this process; return its sum, float64[bins]."""

    async def everybody():
        with operators_of(manifest) as operators:
            devices = []
            for name, risk in risks.items():
                (tmp_path / name).mkdir(parents=True)
                journal, transports = SumJournal.start(tmp_path / name, manifest), operators.transports(name)
                exchange = Exchange(manifest, name, transports, keys=journal.keys)
                place = risk.bin(EDGES)
                devices.append(host.join_distribution(manifest, exchange, place=place, journal=journal))
            engine = job.open_sum(manifest, tmp_path, operators.transports(ENGINE))
            return (await asyncio.gather(engine, *devices))[0]

    return asyncio.run(everybody())


DEVICES = tuple(f"person-{50 + i}" for i in range(PEOPLE))


def test_the_distribution_is_the_true_one_within_the_noise(operators_of, tmp_path):
    manifest = distribution(configured(), DEVICES, ADDRESSES[:2])
    risks = {name: Personal(Worlds((1,) * i + (0,) * (5 - i)), Worlds((0,))) for i, name in enumerate(DEVICES)}
    seen = [summed(operators_of, tmp_path / str(at), manifest, risks) for at in range(2)]
    true = np.bincount([risk.bin(EDGES) for risk in risks.values()], minlength=BINS)
    assert true.tolist() == [2, 1, 1, 2]
    assert all(np.abs(each - true).max() < 7 * sigma_of(SumRule.of(manifest)) for each in seen)
    assert not np.array_equal(*seen)


def test_without_noise_the_distribution_is_exact(operators_of, tmp_path):
    manifest = msgspec.structs.replace(distribution(configured(), DEVICES, ADDRESSES[:2]), releases=None)
    risks = dict.fromkeys(DEVICES, Personal(Worlds((1, 1, 0)), Worlds((0,))))
    assert summed(operators_of, tmp_path, manifest, risks).tolist() == [0, 0, PEOPLE, 0]


def test_a_device_that_sends_garbage_spoils_the_sum_and_the_run_says_so(operators_of, tmp_path, monkeypatch):
    manifest = msgspec.structs.replace(distribution(configured(), DEVICES, ADDRESSES[:2]), min_cohort=6)
    monkeypatch.setattr(Contribution, "encode", lambda one, vector: np.full(vector.size, 2**40))
    with pytest.raises(ProtocolError, match="out of range"):
        summed(operators_of, tmp_path, manifest, dict.fromkeys(DEVICES, Personal(Worlds((1,)), Worlds((0,)))))


def test_a_promise_is_kept_for_the_one_sum():
    manifest = distribution(configured(), DEVICES, ADDRESSES[:2])
    assert [(each.name, each.mechanism, each.times, each.epsilon) for each in manifest.releases.each] == [
        ("sum", "discrete-gaussian", 1, 4.0)
    ]
    assert manifest.rounds == 1
    with pytest.raises(ConfigError, match="min_count"):
        distribution(configured(protocol=ProtocolConfig(min_count=3)), DEVICES, ADDRESSES[:2])


def test_worlds_that_begin_ill_do_not_count():
    s, e, i = Stage.S, Stage.E, Stage.I
    risk = Personal.of(np.array([s, s, i, s, i, s]), np.array([e, s, i, i, i, s]))
    assert risk == Personal(Worlds((1, 0)), Worlds((1, 0)))
    assert (risk.before.risk, risk.bin(EDGES)) == (0.5, 2)
    assert Personal(Worlds((1,)), Worlds(())).bin(EDGES) == 3
    assert Worlds(()).risk == 0
    assert "1" not in repr(Worlds((1,) * 5))


def test_a_risk_is_its_owners_file(tmp_path):
    risk = Personal(Worlds((1, 0)), Worlds((0, 0)))
    risk.write(tmp_path)
    assert stat.S_IMODE((tmp_path / personal.RISK).stat().st_mode) == 0o600
    assert personal.read(tmp_path) == risk
    (tmp_path / personal.RISK).chmod(0o644)
    with pytest.raises(ParameterError, match="0600"):
        personal.read(tmp_path)
    (tmp_path / personal.RISK).unlink()
    with pytest.raises(ParameterError, match="missing"):
        personal.read(tmp_path)


def test_departments_are_chosen_by_name():
    few = select_departments(drawn(), ("x",))
    assert few.people.tolist() == [50, 52, 53, 55]
    assert set(few.a) | set(few.b) <= set(few.people.tolist())
    with pytest.raises(ConfigError, match="z; the data have x, y"):
        select_departments(drawn(), ("z",))


@pytest.mark.slow
@pytest.mark.parametrize("security", ["semi-honest", "active"])
def test_over_real_processes_only_the_owner_has_the_risk(security, tmp_path, monkeypatch):
    monkeypatch.setattr(job, "contacts_of", lambda _: drawn())
    result = job.run(configured(people=PeopleConfig(dataset="look_alike", security=security)), out=tmp_path)
    assert result.parity
    assert result.released.shape == (BINS,)
    folders.write(result.folders[0].parent, summary_of(configured(), result))
    assert "Plotly.newPlot" in (result.folders[0].parent / "report.html").read_text()
    (card,) = cards(tmp_path)
    assert (card.kind, card.state, card.unit) == ("risk", "ended", "round")
    assert card.step == card.total > 1
    contents = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    root = result.folders[1] / "parties"
    told = {name: canonical_json.load(root / name / ESTIMATE, RiskEstimate, what="estimate") for name in result.own}
    assert told == {name: result.law.estimate(risk) for name, risk in result.own.items()}
    for name in result.own:
        own = result.folders[0] / "parties" / name / personal.RISK
        assert stat.S_IMODE(own.stat().st_mode) == 0o600
        others = [path for path in contents if path.name != personal.RISK]
        assert not [path for path in others if contents[own] in contents[path]]
