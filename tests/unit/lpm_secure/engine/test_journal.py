"""An engine's journal: what was released is there after a restart, and of nobody else's run."""

import numpy as np
import pytest

from lpm_secure.engine.announcement import AggregateRelease
from lpm_secure.engine.journal import ReleaseJournal
from protocols.errors import DataError, LpmError

RUN, ENGINE = bytes(range(32)), "e" * 64
TOTALS, WORDS = np.array([4, 5]), np.array([7, -1])


def opened(path, *, run=RUN, engine=ENGINE):
    return ReleaseJournal(path, run=run, engine=engine)


@pytest.fixture
def path(tmp_path):
    journal = opened(tmp_path / "journal.jsonl")
    for step in range(3):
        journal.append(step, TOTALS + step, AggregateRelease(WORDS, 9, 100, ("a",), ()))
    return tmp_path / "journal.jsonl"


def test_a_restart_has_the_releases_and_the_seed_of_before(path):
    first, again = opened(path), opened(path)
    assert (again.steps, again.head.seed) == (3, first.head.seed)
    release = again.release(1, TOTALS + 1)
    assert (release.words.tolist(), release.members, release.names) == ([7, -1], 9, ("a",))
    assert again.release(3, TOTALS) is None
    assert path.stat().st_mode & 0o077 == 0


def test_agents_that_announce_something_else_are_noticed(path):
    with pytest.raises(DataError, match="announces something else in step 1 than before its restart"):
        opened(path).release(1, TOTALS)


def test_a_torn_line_is_forgotten_and_the_journal_goes_on(path):
    path.write_bytes(path.read_bytes()[:-9])
    journal = opened(path)
    assert journal.steps == 2
    journal.append(2, TOTALS, AggregateRelease(WORDS, 9, 100, (), ()))
    assert opened(path).steps == 3


@pytest.mark.parametrize("given", [{"run": bytes(32)}, {"engine": "f" * 64}])
def test_a_journal_of_another_run_or_engine_is_refused(path, given):
    with pytest.raises(DataError, match="is of another run, population or configuration"):
        opened(path, **given)


def test_what_lacks_a_step_is_damaged_or_open_to_others_is_refused(path):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], lines[3]]))
    with pytest.raises(DataError, match="lacks a step, or has one twice"):
        opened(path)
    path.write_bytes(b"".join([lines[0], b"{}\n"]))
    with pytest.raises(DataError, match="line 2: no line of a journal"):
        opened(path)
    path.chmod(0o644)
    with pytest.raises(LpmError):
        opened(path)


def test_each_run_has_a_seed_of_its_own(tmp_path):
    assert len({opened(tmp_path / name).head.seed for name in "abc"}) == 3
