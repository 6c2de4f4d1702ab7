"""What an engine announces: of this run, the same for all, and told again to who missed it."""

import dataclasses

import numpy as np
import pytest

from aggregator.rounds import announcements
from protocols.errors import ConflictingReplay, NotEnrolled, WrongLength
from protocols.task import manifest as manifests
from protocols.task.layout import Layout
from protocols.wire.messages import Announcement


@dataclasses.dataclass
class Held:
    """A round, or what was kept of one, as far as announcements look at it."""

    synthetic: object = None
    public: bytes = b""
    release: object = None


@dataclasses.dataclass
class Released:
    step: int
    announced: bytes
    words: bytes = np.arange(3, dtype=np.uint64).tobytes()
    members: int = 2
    traffic: int = 7
    names: tuple = ("a",)


@pytest.fixture
def manifest(manifest_of):
    return manifest_of([(0,), (1,)], cells=(5, 5), engine=True)


def announced(manifest, *totals, step=1):
    return Announcement(manifests.run_id(manifest), step, np.array(totals, dtype=np.int64))


def test_totals_of_every_cell_are_needed_and_an_engine(manifest, manifest_of):
    layout = Layout.of(manifest)
    announcements.check_announcement(announced(manifest, 1, 2), layout, engine=True)
    with pytest.raises(WrongLength, match="got 3 numbers of step 1: totals of 2 cells and 0 public numbers are needed"):
        announcements.check_announcement(announced(manifest, 1, 2, 3), layout, engine=True)
    with pytest.raises(NotEnrolled, match="this run has no engine"):
        announcements.check_announcement(announced(manifest, 1), Layout.of(manifest_of([(0,), (1,)])), engine=False)


def test_another_announcement_of_a_step_that_is_over_is_refused(manifest):
    one, other = announced(manifest, 1, 2), announced(manifest, 1, 3)
    announcements.require_same_announcement(one.synthetic.tobytes(), one)
    with pytest.raises(ConflictingReplay, match="two different totals for step 1"):
        announcements.require_same_announcement(one.synthetic.tobytes(), other)
    digests = {announcements.announcement_digest(Held(each.synthetic)) for each in (one, other)}
    assert len(digests) == 2
    assert announcements.announcement_digest(None) == announcements.announcement_digest(Held()) == b""


def test_an_engine_that_was_away_is_told_the_release_of_the_step_that_it_names(manifest):
    one, other = announced(manifest, 1, 2), announced(manifest, 9, 9)
    last = Held(release=Released(1, one.synthetic.tobytes()))
    again = announcements.release_again(last, one)
    assert (again.step, again.release.tolist(), again.members) == (1, [0, 1, 2], 2)
    assert announcements.release_again(last, announced(manifest, 1, 2, step=2)) is None
    assert announcements.release_again(None, one) is None
    with pytest.raises(ConflictingReplay):
        announcements.release_again(last, other)


def test_public_numbers_of_steps_that_are_over_are_recalled_from_a_step_on(manifest):
    class Hears:
        environment = range(2)

    told = np.arange(6, dtype=np.int64).tobytes()
    assert announcements.recall(Held(public=told), 1, Hears()) == (2, 3, 4, 5)
    assert announcements.recall(Held(public=told), None, Hears()) == ()
    assert announcements.recall(None, 0, Hears()) == ()
    assert announcements.recall(Held(public=told), 0, Layout.of(manifest)) == ()
    many = np.zeros(2 * announcements.RECALLED, dtype=np.int64).tobytes()
    assert len(announcements.recall(Held(public=many), 0, Hears())) == announcements.RECALLED
