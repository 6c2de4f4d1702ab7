"""`pytest --lpm-model`: a sound model passes, and what is wrong with another one or with a build fails by name."""

import subprocess
import sys
import tomllib
from pathlib import Path

from lpm_secure import pytest_plugin
from lpm_secure.pytest_plugin import CLAIMS

MODEL = """
import lpm_secure as lpm


class Rumour(lpm.Model):
    mind = lpm.stage("UNAWARE", "AWARE")
    patience = lpm.field(0, 9)
    talk = lpm.message(most=1)
    enough = lpm.outcome(talk, above=patience)

    def begin(self, me, draw):
        return me.set(mind=lpm.where(draw.happens(2**31, "start"), "AWARE", "UNAWARE"), patience=3)

    def says(self, me):
        return {self.talk: me.mind == "AWARE"}

    def update(self, me, heard, draw):
        return me.set(mind=lpm.where(heard[self.enough], "AWARE", me.mind))


class Loud(Rumour):
    def says(self, me):
        return {self.talk: lpm.where(me.mind == "AWARE", 2, 0)}
"""


MODELS_OF_OWN = ["--lpm-model=own:Rumour", "--lpm-model=own:Loud"]


def test_every_pytest_has_the_option_where_the_package_is_installed():
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    (module,) = project["entry-points"]["pytest11"].values()
    assert module == pytest_plugin.__name__


def test_pytest_has_the_tests_of_a_model_that_is_named(tmp_path):
    (tmp_path / "own.py").write_text(MODEL)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "lpm_secure.pytest_plugin", "-v", *MODELS_OF_OWN],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 1, done.stdout
    for claim in CLAIMS:
        assert f"own:Rumour: {claim} PASSED" in done.stdout
        assert f"own:Loud: {claim} FAILED" in done.stdout
    assert "own.py:" in done.stdout
    assert "4 failed, 4 passed" in done.stdout
