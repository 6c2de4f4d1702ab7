"""lpm population, as a command."""

import json
import os
import subprocess
import sys

import pytest

from lpm_secure.data import catalogue
from lpm_secure.data.nyc_tables import DATA

ABSENT = [name for name in DATA if catalogue.where(name) is None]
needs_tables = pytest.mark.skipif(
    bool(ABSENT), reason=f"{', '.join(ABSENT)} not on this machine; set LPM_DATA to a directory that holds them"
)


@needs_tables
def test_the_command_builds_a_city_and_shows_it(tmp_path):
    def lpm(*arguments):
        code = "from lpm_secure.cli.people.population import app; app()"
        wide = os.environ | {"COLUMNS": "160"}
        return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=wide)

    built = lpm("nyc", "--agents", "1k", "--seed", "2", "--out", str(tmp_path / "city.lpmpop"))
    assert built.returncode == 0, built.stderr
    assert "1,000 agents" in built.stdout
    shown = lpm("show", str(tmp_path / "city.lpmpop"))
    assert shown.returncode == 0, shown.stderr
    assert "people by ZCTA and age band" in shown.stdout
    assert (tmp_path / "city.lpmpop.html").is_file()
    figures = json.loads(lpm("show", str(tmp_path / "city.lpmpop"), "--json").stdout)
    assert (figures["card"]["agents"], figures["check"]) == (1_000, None)
