"""A calibration goes on where hospitals drop out, cheat, or are restarted."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lpm_secure.secure_sum.in_process import InProcessSum
from lpm_secure.secure_sum.transport import OpenedSum, Reason
from protocols.errors import ConfigError, ParameterError, ProtocolError
from tests.short_fits import CLIPPED, SCHEDULE, STUDY, drawn_words, fit_of, sums_of

CHEATS = {
    "random words": drawn_words,
    "one huge word": lambda words: np.where(np.arange(words.size) == 3, 2**55, words),
    "scaled": lambda words: words * 2**22,
    "a square that wraps to 0": lambda words: np.where(np.arange(words.size) == 0, 2**62, words),
}


@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS)
@pytest.mark.parametrize("who", [("institution-4",), ("institution-1", "institution-9")], ids=["one", "two"])
def test_who_sends_garbage_is_named_and_the_fit_is_that_of_the_others(cheat, who):
    """In the round in which it is found out the largest pool in range counts, which leaves a few honest ones out."""
    members = []
    sums = sums_of(garbage=dict.fromkeys(who, cheat))
    fit = fit_of(sums)
    opening = sums.open

    def watched(announced):
        opened = opening(announced)
        members.append(opened.members)
        return opened

    fit.sums = SimpleNamespace(open=watched, contribution=sums.contribution)
    fit.run()
    assert fit.refusals == dict.fromkeys(who, SCHEDULE.rounds)
    others = set(STUDY.names) - {*who}
    assert members[1:] == [tuple(sorted(others))] * (SCHEDULE.rounds - 1)
    assert len(others) - 8 <= len(members[0]) < len(others)
    assert set(members[0]) < others
    assert sums.openings > SCHEDULE.rounds
    without = fit_of(NotCounted(sums_of(absent=dict.fromkeys(range(99), frozenset(who))), others - {*members[0]}))
    without.run()
    assert torch.equal(fit.draws(5, seed=1), without.draws(5, seed=1))


@dataclasses.dataclass
class NotCounted:
    """In the first round some answer, and learn by it, and are in no sum."""

    sums: InProcessSum
    names: set

    @property
    def contribution(self):
        return self.sums.contribution

    def open(self, announced):
        if self.sums.round == 0:
            for name in self.names:
                self.sums.institutions[name].vector(announced)
            self.sums.absent = {**self.sums.absent, 0: self.sums.absent[0] | self.names}
        return self.sums.open(announced)


def test_who_was_found_to_send_garbage_is_not_searched_for_again_after_an_interruption(tmp_path):
    def sums():
        return sums_of(garbage={"institution-4": drawn_words})

    one = fit_of(sums())
    one.advance()
    one.save(tmp_path / "fit.safetensors")
    other = fit_of(sums())
    other.load(tmp_path / "fit.safetensors")
    other.advance()
    assert other.refusals == {"institution-4": 2}
    assert other.sums.openings == 1


def test_a_round_without_a_sum_leaves_the_posterior_as_it_was_and_nobody_absent():
    fit = fit_of(sums_of())
    sums, before = fit.sums, fit.draws(5, seed=1)
    nothing = OpenedSum(
        np.zeros(30, dtype=np.int64), (), {"institution-4": Reason.GARBAGE, "institution-5": Reason.ABSENT}
    )
    fit.sums = SimpleNamespace(open=lambda announced: nothing)
    fit.advance()
    assert torch.equal(fit.draws(5, seed=1), before)
    assert (fit.round, fit.discarded, fit.absences, fit.refusals) == (1, 1, {}, {"institution-4": 1})
    fit.sums = sums
    fit.advance()
    assert not torch.equal(fit.draws(5, seed=1), before)


def test_where_too_many_send_garbage_sums_are_discarded_and_in_the_end_the_run_stops():
    """Group testing names two at most."""
    fit = fit_of(sums_of(min_cohort=20, garbage=dict.fromkeys(STUDY.names[:8], drawn_words)))
    fit.advance()
    fit.advance()
    assert (fit.discarded, fit.refusals) == (2, {})
    with pytest.raises(ProtocolError, match="3 sums one after the other are out of range"):
        fit.advance()


def test_what_is_within_the_range_is_not_found():
    """The limit that the docstring names."""
    words = CLIPPED.encode(np.full(3, 1e9))
    other = np.resize(words, SCHEDULE.draws * 2 * 5) // 8
    fit = fit_of(sums_of(local_steps=0, garbage={"institution-4": lambda _: other}))
    fit.advance()
    assert not fit.refusals


def test_a_checkpoint_that_is_cut_or_changed_is_refused(tmp_path: Path):
    fit = fit_of(sums_of(local_steps=0))
    fit.save(tmp_path / "fit.safetensors")
    content = (tmp_path / "fit.safetensors").read_bytes()
    for size in (0, 10, len(content) // 2, len(content) - 40):
        (tmp_path / "cut.safetensors").write_bytes(content[:size])
        with pytest.raises(ParameterError, match="start"):
            fit.load(tmp_path / "cut.safetensors")
    with pytest.raises(ParameterError, match="No such file"):
        fit.load(tmp_path / "none.safetensors")


def test_a_study_keeps_weeks_to_forecast():
    with pytest.raises(ConfigError, match="keep at least 1"):
        dataclasses.replace(STUDY, course=STUDY.course.lengthen(7))
