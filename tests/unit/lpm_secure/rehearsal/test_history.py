"""Where a private run and the clear one part is said by its step, client and field."""

import asyncio
import dataclasses

import msgspec
import numpy as np
import pytest

from client_sdk.private.contacts import ContactTable
from lpm_secure.project.manifest import manifest_of
from lpm_secure.project.project_file import RehearsalConfig, load
from lpm_secure.rehearsal.history import StateHistory, clear_history, difference
from lpm_secure.rehearsal.in_process import exact_twin, private_history
from lpm_secure.rehearsal.people import draw_people
from lpm_secure.run.observer import null_observer
from tests.three_hospitals import devices, project, with_engine


def people_of(path):
    moving = RehearsalConfig(contacts=6.0, between=0.5, known=0.6)
    given = msgspec.structs.replace(load(path), rehearsal=moving, steps=6)
    twin = exact_twin(manifest_of(given, path.parent))
    return draw_people(given, twin)


@pytest.mark.parametrize("change", [lambda path: path, with_engine, devices], ids=["hospitals", "engine", "devices"])
@pytest.mark.parametrize("active", [False, True], ids=["semi-honest", "active"])
def test_a_rehearsal_in_one_process_has_the_states_of_the_clear_run(tmp_path, change, active):
    if active and change is devices:
        pytest.skip("active runs have dense edges")
    testbed = people_of(change(project(tmp_path, seed=11, active=active)))
    clear, series = asyncio.run(clear_history(testbed))
    private = asyncio.run(private_history(testbed, null_observer))
    assert difference(private, clear, testbed.manifest) == ""
    assert set(private.fields) == set(clear.fields)
    assert clear.moved > 1
    assert series.of("private", 0).tolist() == (clear.fields["stage"] == 0).sum(axis=1).tolist()


def test_a_client_that_leaves_a_contact_out_is_found(tmp_path):
    testbed = people_of(project(tmp_path, seed=11))
    clear, _ = asyncio.run(clear_history(testbed))
    nobody = np.zeros(0, dtype=np.int64)
    private = asyncio.run(
        private_history(dataclasses.replace(testbed, contacts=ContactTable(*[nobody] * 5)), null_observer)
    )
    assert difference(private, clear, testbed.manifest).startswith("step ")


def test_the_first_step_its_client_and_the_field_are_named(manifest_of):
    manifest = manifest_of(((1, 2), (3, 4)))
    whole = StateHistory({"stage": np.zeros((4, 4), dtype=np.int64), "timer": np.zeros((4, 4), dtype=np.int64)})
    apart = {name: values.copy() for name, values in whole.fields.items()}
    apart["stage"][3, 0] = apart["timer"][2, 2] = apart["timer"][2, 3] = 1
    said = difference(StateHistory(apart), whole, manifest)
    assert said == "step 2: the timer of 2 agents of client-1 is another in the private run"
    assert difference(whole, whole, manifest) == ""
