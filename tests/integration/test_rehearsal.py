"""A project's own kits, enrolled, admitted and started as processes, over made-up people: the clear run's bits."""

import re

import pytest

from lpm_secure.rehearsal.job import rehearse
from tests.three_hospitals import devices, project, with_engine


def lines_of(summary):
    return dict(re.split(r"  +", line, maxsplit=1) for line in summary.lines if re.match(r"\S.*?  +\S", line))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("change", "given"),
    [(lambda path: path, {"seed": 11}), (with_engine, {"seed": 11, "active": True}), (devices, {"seed": 11})],
    ids=["hospitals", "active with an engine", "devices"],
)
def test_kits_that_start_as_processes_have_the_stages_of_the_clear_run(tmp_path, change, given):
    summary = rehearse(change(project(tmp_path, **given)), tmp_path / "out")
    lines = lines_of(summary)
    assert lines["parity in one process"] == "identical: private = clear"
    assert lines["parity over processes"] == "identical: private = clear"
    assert summary.passed
    assert all(int(lines[f"bytes received per step, {name}"].replace(",", "")) > 0 for name in ("agg-a", "agg-b"))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_project_with_noise_is_rehearsed_with_it_over_processes_and_compared_without(tmp_path):
    lines = lines_of(rehearse(project(tmp_path), tmp_path / "out"))
    assert lines["parity in one process"] == "identical: private = clear"
    assert lines["parity over processes"].startswith("not compared: releases have noise")
