"""Folders of runs that earlier versions of this program made: what they say stays readable, or who reads it is named.

Each is of a run of twenty made-up people in four clients, in `sum` mode over three steps, as `lpm collect` makes it:
the manifest and its signature, the aggregators' ledgers, and the index over them. No key is in it but public ones.
"""

import shutil
import sys
from pathlib import Path

import pytest

from lpm_secure.audit import index
from lpm_secure.audit.audit import audit
from lpm_secure.cli.main import main
from protocols.errors import OtherVersion
from protocols.identity import signing

HERE = Path(__file__).parent / "run_folders"
OPERATORS = {  # of commit d6ea4b9c, and of commit 2b32f41a, whose ledgers have a line for each party that was told
    "format_1": "G3C6rTObxuVNZVK8qCBO6U+U/NukSeiOPHKoARtG/Lg=",
    "format_2": "hPV/f6yC1xNtkgCLhHBy0bXKIezwDBFibrBQxFEldHI=",
}
KEYS = {name: signing.public_key_of(key) for name, key in OPERATORS.items()}


@pytest.mark.parametrize("name", KEYS)
def test_every_file_is_as_its_operator_signed_it(name):
    assert index.differences(HERE / name, KEYS[name]) == []


def test_a_run_of_before_ledgers_had_roots_is_audited_to_its_end(tmp_path):
    report = audit(HERE / "format_2", operator_key=KEYS["format_2"])
    assert report.findings == 0, report.checks
    assert report.together is not None
    for told in report.received.values():
        assert set(told) == {"a", "b", "c", "d", "engine"}
    copy = shutil.copytree(HERE / "format_2", tmp_path / "run")
    path = copy / "ledgers" / "aggregator-1.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"step":1', b'"step":2', 1))
    assert audit(copy, operator_key=KEYS["format_2"]).findings


def test_a_run_of_another_format_says_in_one_line_which_version_audits_it(monkeypatch, capsys):
    with pytest.raises(OtherVersion, match=r"with lpm-secure 0\.1\.0 as of commit 73fd98ca"):
        audit(HERE / "format_1", operator_key=KEYS["format_1"])
    monkeypatch.setattr(sys, "argv", ["lpm", "audit", str(HERE / "format_1"), "--operator-key", OPERATORS["format_1"]])
    with pytest.raises(SystemExit) as ended:
        main()
    lines = capsys.readouterr().err.strip().splitlines()
    assert (ended.value.code, len(lines)) == (2, 1)
    assert "73fd98ca" in lines[0]
