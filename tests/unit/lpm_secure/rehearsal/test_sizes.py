"""A project as it is rehearsed says what the real one says, of this machine, and of as many people as are asked for."""

import datetime

import pytest

from lpm_secure.project.manifest import manifest_of
from lpm_secure.project.project_file import load
from lpm_secure.rehearsal.sizes import _sizes, localise, write
from protocols.errors import ConfigError
from tests.three_hospitals import devices, project, with_engine


@pytest.mark.parametrize("people", [3, 4, 17, 99, 100, 5000])
def test_fewer_people_are_shared_out_in_proportion_and_nobody_who_had_some_is_left_with_none(people):
    sizes = [60, 0, 39, 1]
    left = _sizes(sizes, people)
    assert sum(left) == min(people, 100)
    assert left[1] == 0
    assert all(0 < few <= many for few, many in zip(left, sizes, strict=True) if many)
    assert abs(left[0] - min(people, 100) * 0.6) < 2


def test_fewer_people_than_clients_with_some_are_one_line():
    with pytest.raises(ConfigError, match="got --people 2, and 3 clients have people; give at least 3"):
        _sizes([4, 0, 3, 2], 2)


@pytest.mark.parametrize("change", [lambda path: path, with_engine, devices])
def test_what_is_written_is_the_project_with_addresses_and_a_time_of_here_and_now(tmp_path, change):
    path = change(project(tmp_path, seed=11))
    asked = load(path)
    given = localise(asked, path.parent)
    write(given, tmp_path / "again" / "project.toml")
    assert load(tmp_path / "again" / "project.toml") == given
    now = datetime.datetime.now(datetime.UTC)
    assert given.not_before < now < given.not_after
    places = [each for server in given.servers for each in (server.address, server.mpc, server.permutation) if each]
    assert all(each.startswith("127.0.0.1:") for each in places)
    one, other = manifest_of(asked, path.parent), manifest_of(given, tmp_path)
    for key in ("clients", "model", "cells", "steps", "start", "min_count", "devices", "max_message", "mode", "engine"):
        assert getattr(one, key) == getattr(other, key), key


def test_a_project_without_a_seed_is_rehearsed_with_one_and_keeps_its_noise(tmp_path):
    asked = load(project(tmp_path))
    given = localise(asked, tmp_path)
    assert (asked.testbed_seed, given.testbed_seed) == (None, 1)
    assert given.releases == asked.releases


def test_derivatives_that_no_clear_run_of_states_can_check_are_one_line(tmp_path):
    path = project(tmp_path, seed=11)
    text = path.read_text().replace("# [gradient]", "[gradient]").replace("# way         ", "way")
    path.write_text(text.replace('# way = "score"', 'way = "tangents"').replace("# parameters = [", "parameters = ["))
    with pytest.raises(ConfigError, match="asks for tangents, which a rehearsal cannot compare"):
        localise(load(path), path.parent)
