"""Arrivals are counted where a stage is another one than the day before, and a checkpoint goes on with the same."""

import dataclasses

import numpy as np

from lpm_secure.city.recorder import CityRecorder
from lpm_secure.city.series import CityWords

WORDS = CityWords(("S", "I", "R"), 3, {"I": "cases"})
PLACE = np.array([0, 0, 1, 1], dtype=np.uint8)
DAYS = ([0, 0, 0, 1], [1, 0, 0, 1], [2, 1, 1, 1], [1, 1, 2, 2])


@dataclasses.dataclass
class Agents:
    stage: np.ndarray

    def tally(self):
        return np.bincount(self.stage, minlength=3)


def recorded(recorder, days):
    for day in days:
        recorder.see(Agents(np.array(day, dtype=np.int8)))
    return recorder


def test_who_arrives_counts_once_in_its_place():
    series = recorded(CityRecorder(WORDS, PLACE, ("a", "b")), DAYS).series({})
    assert series.counts.tolist() == [[3, 1, 0], [2, 2, 0], [0, 3, 1], [0, 2, 2]]
    assert series.events[:, :, 0].tolist() == [[0, 1], [1, 0], [1, 1], [1, 0]]


def test_a_run_that_goes_on_from_a_checkpoint_records_the_same():
    whole = recorded(CityRecorder(WORDS, PLACE, ("a", "b")), DAYS)
    first, second = recorded(CityRecorder(WORDS, PLACE, ("a", "b")), DAYS[:2]), CityRecorder(WORDS, PLACE, ("a", "b"))
    second.load(first.save(), Agents(np.array(DAYS[1], dtype=np.int8)))
    assert recorded(second, DAYS[2:]).series({}).hash == whole.series({}).hash
