"""A bar shows the first stages whose shares fit in a line."""

import numpy as np

from lpm_secure.cli.progress import find_stages, step_bar
from lpm_secure.engine.loop import StepRelease
from protocols.models.agent_model import TallyWord


def words(**fields):
    return tuple(TallyWord(name, stage_of=field) for field, names in fields.items() for name in names)


def test_stages_of_the_first_field_that_fits_are_shown():
    long = [f"A_LONG_NAME_{number}" for number in range(9)]
    assert find_stages(words(opinion=["NO", "YES"], mood=["SAD", "GLAD"])) == slice(0, 2)
    assert find_stages(words(place=long, mood=["SAD", "GLAD"])) == slice(9, 11)
    assert find_stages(words(place=long)) == slice(0, 0)
    assert find_stages((TallyWord("money", high=9),)) == slice(0, 0)


def test_a_bar_says_what_share_is_in_each_stage(capsys):
    release = StepRelease(np.zeros(0, dtype=np.int64), np.array([71, 29, 500]), 3, 2048)
    with step_bar("run", steps=1, words=(*words(opinion=["NO", "YES"]), TallyWord("money", high=9))) as on_step:
        on_step(1, release)
    assert "NO 71% YES 29% 2 KiB" in capsys.readouterr().err


def test_a_bar_of_an_epidemic_says_its_prevalence(capsys):
    with step_bar("run", steps=1, words=words(stage=["S", "E", "I", "R"])) as on_step:
        on_step(1, StepRelease(np.zeros(0, dtype=np.int64), np.array([90, 0, 10, 0]), 3, 0))
    assert "prevalence 10.0%" in capsys.readouterr().err
