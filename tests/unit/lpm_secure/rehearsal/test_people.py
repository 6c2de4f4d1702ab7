"""Made-up people are as many as the project says, within the ranges of its model, and meet as often as it says."""

import re

import msgspec
import numpy as np

from lpm_secure.project.manifest import manifest_of
from lpm_secure.project.project_file import RehearsalConfig, load
from lpm_secure.rehearsal.job import rehearse
from lpm_secure.rehearsal.people import draw_people
from protocols.models.agent_model import UNKNOWN
from protocols.task.layout import Layout
from tests.three_hospitals import devices, project


def crowd(path, *, n=300, **rehearsal):
    """Return the made-up people of a project whose first client has so many people."""
    given = load(path)
    clients = tuple(msgspec.structs.replace(each, agents=n) for each in given.members)
    given = msgspec.structs.replace(given, clients=clients, rehearsal=RehearsalConfig(**rehearsal))
    return draw_people(given, manifest_of(given, path.parent))


def test_people_have_known_states_and_cells_in_the_projects_shares_and_contacts_as_often(tmp_path):
    testbed = crowd(project(tmp_path, seed=11), contacts=6.0, between=0.25, known=0.5)
    manifest, table = testbed.manifest, testbed.contacts
    n = Layout.of(manifest).n
    assert n == 900
    for spec in manifest.model.agents.columns:
        values = testbed.columns[spec.name]
        known = values[values != UNKNOWN]
        assert ((known >= int(spec.low) << spec.bits) & (known <= int(spec.high) << spec.bits)).all()
    assert 0.4 < (testbed.columns["stage"] != UNKNOWN).mean() < 0.6
    shares = np.bincount(testbed.cell, minlength=2) / n
    assert np.allclose(shares, np.array(manifest.cells) / sum(manifest.cells), atol=0.1)
    assert 5.0 < 2 * table.day.size / n / manifest.period < 6.2  # pairs that are drawn twice count once
    ends = [end for _, end in Layout.of(manifest).own.values()]
    between = np.searchsorted(ends, table.a, side="right") != np.searchsorted(ends, table.b, side="right")
    assert 0.12 < between.mean() < 0.22  # a quarter of them with anybody, of whom two thirds are of others
    most = max(manifest.model.agents.most)
    assert 1 <= table.weight.min() <= table.weight.max() * most <= manifest.max_message
    assert sum(len(testbed.private_state(name.name).cell) for name in manifest.clients) == n


def test_people_who_move_begin_where_their_model_says(tmp_path):
    path = project(tmp_path)
    text = path.read_text().replace("min_count = 5", 'model = "tests.moving_models:Places"')
    for table in ("model", "dictionary", "releases"):
        text = re.sub(rf"(?ms)^\[{table}\].*?(?=^\[)", "", text)
    text = re.sub(r"(?ms)^\[cells\].*?(?=^\[)", "[cells]\nHOME = 9\nSHOP = 9\nPARK = 9\n\n", text)
    path.write_text(text)
    summary = rehearse(path, tmp_path / "out", in_process=True)
    assert summary.passed


def test_the_same_seed_makes_the_same_people(tmp_path):
    path = project(tmp_path, seed=11)
    one, other = (crowd(path, n=20) for _ in range(2))
    assert np.array_equal(one.contacts.weight, other.contacts.weight)
    assert np.array_equal(one.columns["stage"], other.columns["stage"])


def test_devices_have_no_more_contacts_than_they_have_slots_for(tmp_path):
    path = devices(project(tmp_path, seed=11))
    path.write_text(path.read_text().replace("devices = 6", "devices = 40").replace("degree = 8", "degree = 3"))
    testbed = crowd(path, n=1, contacts=12.0)
    table = testbed.contacts
    for day in range(testbed.manifest.period):
        count = np.bincount(np.concatenate([table.a[table.day == day], table.b[table.day == day]]))
        assert count.max() == 3
    assert sum(len(testbed.contacts_of(client.name).day) for client in testbed.manifest.clients) == 2 * table.day.size


def test_nobody_meets_where_there_is_one_person_or_none(tmp_path):
    path = project(tmp_path, seed=11)
    assert crowd(path, n=1, contacts=0.0).contacts.day.size == 0
