"""Scenarios share seeds, so that differences are of pairs."""

import json

import pytest

import lpm_secure as lpm
from lpm_secure.scenario.scenarios import grid
from protocols.errors import ParameterError


def test_scenarios_have_common_random_numbers(rumour):
    both = lpm.compare({"as is": rumour, "the same": rumour.with_(steps=6)}, seeds=3)
    assert not both.difference("the same", "private_AWARE").values.any()
    more = lpm.compare({"as is": rumour, "more": rumour.with_(start=0.4)}, seeds=3)
    first = more.difference("more", "private_AWARE").values[:, 0]
    assert (first > 0).all()  # whoever knows it at 0.1 knows it at 0.4, by the same draw


def test_a_result_that_is_there_is_compared_as_it_is(rumour, result):
    both = lpm.compare({"before": result, "now": rumour.with_(closed=1)}, seeds=3)
    assert both.base is result
    with pytest.raises(ParameterError, match="run both over the same seeds"):
        lpm.compare({"before": result, "now": rumour}, seeds=2)


def test_scenarios_of_other_made_up_people_say_so(rumour, tmp_path):
    other = rumour.with_(seed=rumour.config.seed + 1)
    both = lpm.compare({"as is": rumour, "other": other}, seeds=[1, 2])
    ((what, words),) = both.describe_pairing()
    assert what == "people"
    assert "as is 1, other 2" in words
    same = other.with_({"private.seed": rumour.config.seed})
    kept = lpm.open_result(rumour.run(seeds=[1, 2]).save(tmp_path / "a"))
    again = lpm.compare({"as is": kept, "same": same}, seeds=[1, 2])
    assert again.describe_pairing() == []
    assert not again.difference("same", "private_AWARE").values.any()


def test_a_folder_of_a_version_whose_seeds_had_people_of_their_own_says_so(result, tmp_path):
    folder = result.save(tmp_path / "before")
    figures = json.loads((folder / "run.json").read_text())
    del figures["config"]["private"]["seed"]
    (folder / "run.json").write_text(json.dumps(figures))
    before = lpm.open_result(folder)
    ((what, words),) = lpm.compare({"before": before, "now": result}).describe_pairing()
    assert what == "people"
    assert words.endswith("by each seed: run before again")
    assert lpm.compare({"before": before, "too": before}).describe_pairing() == []


def test_a_sweep_takes_every_combination_over_the_same_seeds(rumour):
    swept = lpm.sweep(rumour, {"closed": [0, 1]}, start=[0.1, 0.2], seeds=2)
    assert list(swept.results) == [f"closed={c}, start={s}" for c in (0, 1) for s in (0.1, 0.2)]
    assert swept.to_arrow().column_names[:4] == ["scenario", "closed", "start", "seed"]
    assert swept.to_arrow().num_rows == 4 * 2 * 7


def test_what_cannot_be_compared_is_refused(rumour):
    for values, message in (({"start": 0.1}, "give a list"), ({"start": [0.1]}, "1 combinations"), ({}, "1 comb")):
        with pytest.raises(ParameterError, match=message):
            grid(values)
    with pytest.raises(ParameterError, match="a value is there twice"):
        grid({"start": [0.1, 0.1]})
    with pytest.raises(ParameterError, match="neither a Simulation nor a Result"):
        lpm.compare({"as is": rumour, "x": 3})
    for few in ({"as is": rumour}, 3):
        with pytest.raises(ParameterError, match="by their names, two or more"):
            lpm.compare(few, seeds=1)
    with pytest.raises(ParameterError, match="different numbers of steps: a 6, b 5"):
        lpm.compare({"a": rumour, "b": rumour.with_(steps=5)})
    with pytest.raises(ParameterError, match="different numbers of steps: steps=3 3, steps=4 4"):
        lpm.sweep(rumour, steps=[3, 4], seeds="none is run")
    with pytest.raises(ParameterError, match="seed is what all combinations share"):
        grid({"seed": [1, 2]})
