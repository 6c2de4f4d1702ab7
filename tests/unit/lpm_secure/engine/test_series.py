"""The series that a run yields: what it counts, its hash, and the files."""

import hashlib
import struct

import numpy as np
import pytest
from pyarrow import csv, parquet

from lpm_secure.engine.series import StageSeries, first_stages
from lpm_secure.report.table import both
from protocols.models.agent_model import TallyWord

STAGES = ("S", "E", "I", "R")
COUNTS = np.array(
    [
        [[8, 0, 2, 0], [90, 0, 10, 0]],
        [[6, 2, 2, 0], [85, 5, 10, 0]],
        [[5, 2, 1, 2], [85, 0, 5, 10]],
    ],
    dtype=np.int64,
)


@pytest.fixture
def series():
    return StageSeries(COUNTS, 0.5, STAGES, 4)


def test_incidence_counts_who_left_the_susceptible_and_begins_with_none(series):
    assert series.incidence("private").tolist() == [0, 2, 1]
    assert series.incidence("synthetic").tolist() == [0, 5, 0]


def test_sizes_and_attack_rates(series):
    assert (series.size("private"), series.size("synthetic")) == (10, 100)
    assert series.departure_share("private") == 0.5
    assert series.departure_share("synthetic") == pytest.approx(0.15)
    assert series.of("private", STAGES.index("R")).tolist() == [0, 0, 2]


def test_a_part_without_agents_has_rates_of_zero():
    empty = StageSeries(COUNTS * np.array([1, 0])[:, None], 1.0, STAGES, 4)
    assert empty.departure_share("synthetic") == 0.0


def test_the_hash_is_that_of_the_counts_as_little_endian_words(series):
    words = [int(count) for count in COUNTS.reshape(-1)]
    assert series.hash == hashlib.sha256(struct.pack(f"<{len(words)}q", *words)).hexdigest()


def test_the_hash_changes_with_every_count_and_not_with_the_memory_layout(series):
    for index in np.ndindex(COUNTS.shape):
        other = COUNTS.copy()
        other[index] += 1
        assert StageSeries(other, 0.5, STAGES, 4).hash != series.hash
    assert StageSeries(np.asfortranarray(COUNTS), 0.5, STAGES, 4).hash == series.hash


def test_both_files_hold_the_same_table(series, tmp_path):
    for name, content in both("series", series.table()).items():
        (tmp_path / name).write_bytes(content)
    table = parquet.read_table(tmp_path / "series.parquet")
    assert table.equals(series.table())
    assert csv.read_csv(tmp_path / "series.csv").to_pydict() == table.to_pydict()
    assert table.column("day").to_pylist() == [0.0, 0.5, 1.0]
    for part, name in enumerate(("private", "synthetic")):
        for place, stage in enumerate(STAGES):
            assert table.column(f"{name}_{stage}").to_pylist() == COUNTS[:, part, place].tolist()
        assert table.column(f"{name}_incidence").to_pylist() == series.incidence(name).tolist()


OPINION = (TallyWord("NO", stage_of="opinion"), TallyWord("YES", stage_of="opinion"), TallyWord("doubt", high=99))


def test_a_series_of_another_model_counts_agents_in_the_stages_of_its_first_field_alone():
    other = StageSeries.of_tally(np.array([[[7, 3, 250], [0, 0, 0]], [[5, 5, 300], [0, 0, 0]]]), 1.0, OPINION)
    assert (other.size("private"), other.first, other.stages) == (10, "NO", 2)
    assert other.has("private")
    assert not other.has("synthetic")
    assert other.last("private") == {"NO": 5, "YES": 5, "doubt": 300}
    table = other.table()
    assert table.column("private_left_NO").to_pylist() == [0, 2]
    assert "private_incidence" not in table.column_names


def test_a_model_without_stages_has_totals_alone():
    totals = StageSeries.of_tally(np.array([[[4], [0]], [[5], [0]]]), 1.0, (TallyWord("money", high=9),))
    assert (totals.size("private"), totals.first) == (0, "")
    assert totals.table().column_names == ["day", "private_money", "synthetic_money"]


def test_stages_of_a_second_field_are_not_counted_again():
    second = (*OPINION[:2], TallyWord("work_ON", stage_of="work"), TallyWord("work_OFF", stage_of="work"))
    assert first_stages(second) == 2
    assert first_stages(()) == 0


def test_where_a_series_parts_from_the_clear_one_is_said_by_day_agents_and_stage():
    counts = np.arange(24, dtype=np.int64).reshape(4, 2, 3)
    other = counts.copy()
    other[2, 1, 0] += 5
    other[3, 0, 0] += 1
    one, clear = (StageSeries(each, 0.5, ("S", "I", "R"), 3) for each in (other, counts))
    assert one.difference(clear) == "first on day 1: S of the synthetic agents is 20, and 15 in the clear"
    heard = [StageSeries(counts, 1.0, ("S", "I", "R"), 3, {"rate": numbers}) for numbers in ([1, 2], [1, 3])]
    assert heard[0].difference(heard[1]) == "in the public numbers rate"
    assert "in size" in one.difference(StageSeries(counts[:3], 0.5, ("S", "I", "R"), 3))
