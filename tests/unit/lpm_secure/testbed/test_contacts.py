"""What is said, before a run, of contacts that it does not take as they were meant."""

import csv
import datetime
import logging
from pathlib import Path

import msgspec
import pytest

from lpm_secure.config.simulation import Config
from lpm_secure.testbed.contacts import contacts_of
from protocols.toml_file import load_config

EXAMPLES = Path("examples")


@pytest.mark.parametrize(("days_before", "warned"), [(0, False), (13, False), (14, True)])
def test_contacts_that_all_come_after_the_last_step_are_told(days_before, warned, caplog, monkeypatch, tmp_path):
    config = load_config(EXAMPLES / "ward.toml", Config)
    people = csv.DictReader((EXAMPLES / "ward/people.csv").read_text().splitlines())
    lines = [f"{row['person']},{row['ward']},{row['room']}" for row in people]
    (tmp_path / "people.csv").write_text("\n".join(["person,ward,room", *lines]))
    start = config.private.start - datetime.timedelta(days=days_before)
    contacts = str((EXAMPLES / "ward/contacts.csv").resolve())
    private = msgspec.structs.replace(config.private, start=start, people="people.csv", contacts=contacts)
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.INFO, logger="lpm"):
        contacts_of(msgspec.structs.replace(config, private=private))
    said = "no contact is in the run's steps 0 to 13: the first is in step 14; start later"
    assert (said in caplog.messages) == warned
