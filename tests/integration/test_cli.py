"""The command line as a person meets it: results, files, and one line for each mistake."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from lpm_secure.cli.main import main
from lpm_secure.config.simulation import load
from lpm_secure.run.engine_config import EnginePartyConfig
from tests.integration.conftest import call

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "workplace.toml"
FORK_SERVERS = 2
ONE_CLIENT = (('clients = "group"', 'clients = "one"'), ("min_cohort = 5", "min_cohort = 1"))  # the same series


def lpm(*arguments, cwd, **environment):
    """Run `lpm` and return what happened."""
    command = [sys.executable, "-m", "lpm_secure.cli", *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "COLUMNS": "200", **environment},
    )


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """Return a function that runs `lpm` in this process, and returns its exit code and what it printed."""

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["lpm", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return run


def write_config(folder, *replaced):
    """Write a small configuration with lines replaced."""
    text = EXAMPLE.read_text().replace("100_000", "500").replace("steps = 60", "steps = 6")
    text = text.replace('dataset = "workplace_invs15"', 'dataset = "look_alike"')
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    path = folder / "run.toml"
    path.write_text(text)
    return path


@pytest.fixture
def config(tmp_path):
    """Return a function that writes a small configuration with lines replaced."""
    return partial(write_config, tmp_path)


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Return the folder in which a small configuration was run, and what the command printed; tests only read it."""
    folder = tmp_path_factory.mktemp("ended")
    return folder, call("run", write_config(folder), cwd=folder)


@pytest.fixture(scope="module")
def clear(ended):
    """Return what the same configuration prints in the clear."""
    folder, _ = ended
    return call("run", folder / "run.toml", "--clear", cwd=folder)


def test_a_run_leaves_a_folder_that_pandas_and_a_browser_open(ended):
    where, done = ended
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    assert "parity: identical" in done.stdout
    (folder,) = (where / "runs").glob("*/")
    assert (where / "runs" / "plotly.min.js").is_file()
    figures = json.loads((folder / "run.json").read_text())
    assert figures["parity"] is True
    assert figures["sha256_private"] == figures["sha256_clear"]
    assert figures["sha256_private"] in done.stdout
    assert figures["look_alike"] is True
    assert len(figures["clients"]) == 12
    received = {(row["party"], row["sender"]) for row in figures["received_bytes_per_step"] if row["per_step"] > 0}
    assert {("aggregator-0", "clients"), ("aggregator-1", "dealer"), ("engine", "aggregators")} <= received
    assert len((folder / "received.csv").read_text().splitlines()) == 1 + len(figures["received_bytes_per_step"])
    assert "bytes received per step, dealer" in done.stdout
    rows = (folder / "series.csv").read_text().splitlines()
    assert len(rows) == 1 + 7
    progress = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    steps = [(each["step"], each["members"], each["late"]) for each in progress if each["event"] == "step"]
    assert steps == [(step, 12, None) for step in range(7)]  # the engine is told how many took part, and not who
    report = (folder / "report.html").read_text()
    assert "GENERATED LOOK-ALIKE" in report
    assert "GENERATED LOOK-ALIKE" in done.stdout
    assert "<script src=../plotly.min.js>" in report
    assert len(report) < 200_000  # the script that all reports share is not in it
    assert "What each party received" in report
    assert (folder / "run.log").read_text().count("\n") >= 2
    for key in folder.glob("parties/*/private.key"):
        assert key.stat().st_mode & 0o777 == 0o600


def test_the_clear_run_gives_the_same_series(ended, clear):
    assert clear.returncode == 0, clear.stderr
    assert clear.stdout.strip().removeprefix("series: ") in ended[1].stdout


def test_sum_mode_is_asked_for_by_name_and_warned_of(config, ended, here):
    code, out, err = here("run", config(('mode = "outcome"', 'mode = "sum"')))
    assert code == 0, err
    assert "lpm: warning: Mode sum: each client learned the exact exposure" in err
    assert ended[1].stdout.splitlines()[-1] == out.splitlines()[-1]  # the same series, to the bit


def test_outcome_mode_is_what_nobody_has_to_ask_for(config):
    assert load(config(('mode = "outcome"', ""))) == load(config())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["audit", "runs", "--runs", "5"], "lpm audit --help"),
        (["engine", "nowhere"], "lpm engine --help"),
        (["manifest", "verify", "nowhere.json"], "lpm manifest verify --help"),
        (["rum"], "lpm --help"),
    ],
)
def test_a_mistake_in_the_arguments_is_one_line_and_exit_code_2(here, arguments, said):
    code, out, err = here(*arguments)
    assert code == 2
    assert err.startswith("lpm: ")
    assert err.endswith(f"; {said} says what is allowed\n")
    assert out == ""


@pytest.mark.parametrize("command", ["run", "up"])
def test_a_folder_that_cannot_be_written_is_one_line_and_exit_code_3(config, here, tmp_path, command):
    (tmp_path / "taken").write_text("")
    code, _, err = here(command, config(), "--out", tmp_path / "taken")
    assert code == 3  # the system's own errors, of which a full disk is one too
    assert err.startswith(f"lpm: cannot use {tmp_path / 'taken'}")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["keys", "made", "../outside"],
        ["keys", "made", "a/../../outside"],
        ["invite", "made", "first", "Bad Name"],
        ["identity", "made", "", "--operator", "city"],
        ["identity", "made", "aggregator-0", "--operator", "The City"],
    ],
)
def test_a_name_that_no_manifest_takes_is_refused_before_anything_is_made(here, tmp_path, arguments):
    code, _, err = here(*arguments)
    assert code == 2
    assert "for a name; up to 63 of a-z" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("cell_beta = 0.12", "cellbeta = 0.12", "did you mean `cell_beta`"),
        ("aggregators = 2", "aggregators = 1", "got k = 1"),
        ("initial = 0.01", "initial = 1.5", "<= 1.0 - at `$.model.initial`; got 1.5"),
        ("initial = 0.01", "initial = nan", "got nan"),
        ("near = 0.0005", "near = -0.1", ">= 0.0"),
        ("near = 0.0005", "near = nan", "at `$.model.beta.near`; got nan"),
        ('mode = "outcome"', 'mode = "all"', "got 'all'"),
        ("near = 0.0005", "near = 90_000.0", "model.beta.near is 90000 a step: with 40 fraction bits at most 65536 is"),
        ("min_cohort = 5", "min_cohort = 50", "set it lower"),
        ("seed = 1", "seed = ", "is not TOML"),
        ('dataset = "look_alike"', 'dataset = "nobody"', "nobody"),
    ],
)
def test_a_mistake_in_a_config_is_one_line_and_exit_code_2(config, here, old, new, said):
    code, out, err = here("run", config((old, new)))
    assert code == 2, err
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert out == ""


def test_a_missing_file_is_one_line(here, tmp_path):
    code, _, err = here("run", tmp_path / "none.toml")
    assert code == 2
    assert err.startswith("lpm: cannot read")
    assert len(err.strip().splitlines()) == 1


def test_cuda_where_there_is_none_is_one_line(config, here):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has cuda")
    code, _, err = here("run", config(), "--device", "cuda")
    assert (code, len(err.strip().splitlines())) == (2, 1)


def test_up_waits_for_an_engine_that_drives_it(config, clear, here, tmp_path):
    path = config(*ONE_CLIENT)
    command = [sys.executable, "-m", "lpm_secure.cli", "up", str(path)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as up:
        up.stdout.readline()
        folder = up.stdout.readline().split()[-1]
        driven = call("engine", folder, cwd=tmp_path)
        assert driven.returncode == 0, driven.stderr
        assert up.wait(60) == 0
        assert up.stdout.readlines()[-1].strip() == f"lpm audit {folder}"
    code, out, _ = here("audit", folder, "--no-build-checks")
    assert code == 0, out
    assert "FAIL" not in out
    assert driven.stdout == clear.stdout
    assert Path(folder, "series.parquet").exists()


@pytest.mark.slow
def test_up_without_an_engine_says_that_its_clients_gave_up(config, tmp_path):
    path = config(("min_cohort = 5", "min_cohort = 5\njoin_timeout_s = 1.0\nround_timeout_s = 0.5"))
    done = lpm("up", path, cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "lpm: all 12 clients gave up" in done.stderr
    assert "The run has ended" not in done.stdout


def descendants(pid):
    """Return the ids of a process' children, then of theirs: fork servers, then parties."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [*children, *(each for child in children for each in descendants(child))]
    return []


def require_gone(pids):
    """Wait until processes have ended: what is killed may have to wait for a processor, and for whoever reaps it."""
    left, until = list(pids), time.monotonic() + 10
    while left and time.monotonic() < until:
        left = [pid for pid in left if Path(f"/proc/{pid}").exists()]
        time.sleep(0.02)
    assert left == []


def test_an_interrupted_up_leaves_no_process_behind(config, here, tmp_path):
    command = [sys.executable, "-m", "lpm_secure.cli", "up", str(config(*ONE_CLIENT))]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as up:
        up.stdout.readline()
        children = descendants(up.pid)
        assert len(children) == FORK_SERVERS + 4
        up.send_signal(signal.SIGTERM)
        assert up.wait(30) == 130
    [folder] = tmp_path.glob("runs/*")
    code, out, _ = here("audit", folder, "--no-build-checks")
    assert code == 1
    assert "ok    every file is as it was when the run ended" in out
    assert "ends after 0 rounds of" in out or "cannot read the ledger" in out
    require_gone(children)


def test_a_run_that_is_ended_ends_its_processes_too_even_those_that_stand_still(config, tmp_path):
    command = [sys.executable, "-m", "lpm_secure.cli", "run", str(config(*ONE_CLIENT))]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        children = []
        while len(children) < FORK_SERVERS + 4:
            assert run.poll() is None
            time.sleep(0.01)
            children = descendants(run.pid)
        for child in children:  # the fork servers too
            os.kill(int(child), signal.SIGSTOP)
        run.send_signal(signal.SIGTERM)
        assert run.wait(30) == 130
        assert run.stderr.read().splitlines()[-1] == "lpm: interrupted"
    require_gone(children)


def test_keys_are_made_once_and_signed_by_one_authority(here, tmp_path):
    assert here("keys", "pki", "aggregator-0")[0] == here("keys", "pki", "hospital-a")[0] == 0
    authorities = {(tmp_path / "pki" / name / "authority.pem").read_bytes() for name in ("aggregator-0", "hospital-a")}
    assert len(authorities) == 1
    code, _, err = here("keys", "pki", "hospital-a")
    assert code == 2
    assert "is there already" in err


@pytest.mark.parametrize("module", ["aggregator", "client_sdk"])
def test_a_party_with_a_wrong_config_says_so_in_one_line(tmp_path, module):
    path = tmp_path / "party.toml"
    path.write_text('nam = "a"\n')
    command = [sys.executable, "-m", module, "--config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "did you mean `name`" in done.stderr


def test_a_client_imports_neither_torch_nor_crypten():
    code = (
        "import sys, client_sdk; print(sorted(sys.modules.keys() & {'torch', 'crypten', 'scipy', 'pyarrow', 'typer'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_engines_help_names_every_key_of_its_configuration(here):
    _, said, _ = here("engine", "--help")
    assert [key for key in EnginePartyConfig.__struct_fields__ if key not in said] == []


def test_a_folder_that_is_no_run_is_told_in_one_line(here, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "nowhere"):
        code, _, err = here("audit", folder)
        assert code == 2
        assert err == f"lpm: {folder} has no index.json; give the folder of a private run that has ended, runs/ID\n"
        code, _, err = here("admit", folder, "a.json")
        assert code == 2
        assert "has made no invitations" in err
    code, _, err = here("engine", "empty")
    assert code == 2
    assert err.startswith("lpm: empty is no folder of `lpm up`")
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]
