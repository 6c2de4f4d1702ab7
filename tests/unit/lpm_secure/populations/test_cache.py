"""A population is built once, and kept while it is whole."""

import logging
import os

from lpm_secure.populations import Population, cache
from lpm_secure.populations.synthesis import look_alike


def kept(tmp_path, seed=1, build=look_alike.build):
    return cache.fetch(build, kind="look_alike", agents=600, seed=seed, root=tmp_path)


def test_a_population_is_built_once_and_kept(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="lpm"):
        first = kept(tmp_path)
    assert "building a population of 600" in caplog.text

    def never(*_, **__):
        raise AssertionError

    assert kept(tmp_path, build=never).card == first.card
    assert kept(tmp_path, seed=2).path != first.path
    assert not list(tmp_path.glob("populations/.building*"))


def test_a_population_is_on_disk_before_it_has_a_name_and_the_cache_has_its_name_on_disk(tmp_path, monkeypatch):
    done, fsync, rename = [], os.fsync, os.rename
    monkeypatch.setattr(os, "fsync", lambda number: (done.append(os.fstat(number).st_ino), fsync(number)))
    monkeypatch.setattr(os, "rename", lambda old, new: (done.append("renamed"), rename(old, new)))
    path = kept(tmp_path).path
    assert {file.stat().st_ino for file in path.iterdir()} <= set(done[: done.index("renamed")])
    assert done[-2:] == ["renamed", path.parent.stat().st_ino]


def test_a_damaged_population_in_the_cache_is_built_anew(tmp_path, caplog):
    found = kept(tmp_path)
    file = found.path / "household.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    again = kept(tmp_path)
    assert "built anew" in caplog.text
    assert again.card == found.card
    Population.open(again.path)


def test_another_builder_builds_anew(tmp_path, monkeypatch):
    first = kept(tmp_path)
    monkeypatch.setattr(cache, "__version__", "99")
    assert kept(tmp_path).path != first.path
