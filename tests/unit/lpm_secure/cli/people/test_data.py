"""What lpm data prints, and its exit codes."""

import json
import os
import subprocess
import sys

import pytest

from lpm_secure.data import catalogue, workplace

CONTACTS = ("hospital_lyon", "kenya_households", "workplace_invs15", "contact_matrices_ny_mistry")
NEW_YORK = ("nyc_commute_acs2015", "nyc_covid", "nyc_mobility", "nyc_population", "nyc_unemployment")
NAMES = {*CONTACTS, *NEW_YORK, "ny_hospitals_weekly", "us_input_output"}
CONTENT = b"twenty-eight bytes of a file"


def needs(name):
    """Skip a test where a dataset is not on this machine."""
    reason = f"{name} is not on this machine; set LPM_DATA to a directory that holds it"
    return pytest.mark.skipif(catalogue.where(name) is None, reason=reason)


def put(folder, name, content=CONTENT):
    """Write files of a dataset's names."""
    (folder / name).mkdir(parents=True)
    for file in catalogue.dataset(name).files:
        (folder / name / file.name).write_bytes(content)
    return folder / name


def lpm_data(*arguments, **environment):
    """Run the commands of `lpm data` by themselves, without what else `lpm` imports, and return what happened."""
    command = [sys.executable, "-c", "from lpm_secure.cli.people.data import app; app()", *arguments]
    environment = {**os.environ, "COLUMNS": "80", **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


def test_the_list_shows_every_name_in_full_on_a_narrow_terminal():
    done = lpm_data("list")
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in NAMES)


def test_where_prints_the_directory_or_one_line_and_exit_code_1(tmp_path):
    folder = put(tmp_path, "nyc_mobility")
    done = lpm_data("where", "nyc_mobility", LPM_DATA=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, f"{folder}\n")
    done = lpm_data("where", "nyc_covid", LPM_DATA=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "nyc_covid is not on this machine; try: lpm data get nyc_covid\n"


@needs(workplace.NAME)
def test_get_prints_the_directory_the_licence_and_the_citation():
    done = lpm_data("get", workplace.NAME)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{catalogue.where(workplace.NAME)}\nlicence: CC0-1.0\n")
    assert "Génois and A. Barrat" in done.stdout


def test_an_unknown_name_is_one_line_and_exit_code_2():
    command = [sys.executable, "-m", "lpm_secure.cli", "data", "get", "nyc_covit"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "lpm: the catalogue has no dataset nyc_covit; did you mean nyc_covid?\n"


@pytest.mark.parametrize("dt", ["0"])
def test_a_look_over_tables_with_steps_that_cut_no_days_is_one_line_and_exit_code_2(dt, tmp_path):
    (tmp_path / "people.csv").write_text("person\nA\n")
    command = [sys.executable, "-m", "lpm_secure.cli", "data", "check", str(tmp_path / "people.csv")]
    done = subprocess.run([*command, "--model", "seir", "--dt", dt], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"lpm: dt is {dt}; contacts are of days, which have a whole number of steps")
    assert done.stderr.count("\n") == 1


def test_help_says_what_a_name_is_and_what_exit_codes_mean():
    done = lpm_data("where", "--help")
    assert done.returncode == 0
    assert "lpm data list" in done.stdout
    assert "Exit code 1" in done.stdout


def test_a_look_over_own_tables_prints_what_is_read_and_plots_it_for_oneself(tmp_path):
    (tmp_path / "people.csv").write_text("person,ward\n[b]A,x\nB,y\n")
    (tmp_path / "contacts.csv").write_text("date,a,b\n2026-03-02,[b]A,B\n2026-03-04,B,[b]A\n")
    tables = [str(tmp_path / name) for name in ("people.csv", "contacts.csv")]
    done = lpm_data("check", *tables, "--model", "seir", "--clients", "ward")
    assert done.returncode == 0, done.stderr
    assert "2 ([b]A to B)" in done.stdout
    assert done.stderr == "warning: 1 days have no contact\n"
    assert (tmp_path / "people.html").stat().st_mode & 0o777 == 0o600
    done = lpm_data("check", *tables, "--model", "seir", "--clients", "ward", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    figures = json.loads(done.stdout)
    assert figures["warnings"] == ["1 days have no contact"]
    assert "2 ([b]A to B)" in figures["tables"].values()


def test_all_commands_print_figures_for_programs(tmp_path):
    folder = put(tmp_path, "nyc_mobility")
    listed = json.loads(lpm_data("list", "--json", LPM_DATA=str(tmp_path)).stdout)
    assert set(listed) == NAMES
    assert (listed["nyc_mobility"]["folder"], listed["nyc_covid"]["folder"]) == (str(folder), None)
    assert json.loads(lpm_data("where", "nyc_mobility", "--json", LPM_DATA=str(tmp_path)).stdout) == {
        "folder": str(folder)
    }
