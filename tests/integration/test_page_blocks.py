"""What pages show in shell and TOML is typed and read as it stands there; `tests/page_blocks.py` lists what is not."""

import base64
import datetime
import http.client
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib

import msgspec
import pytest

import lpm_secure as lpm
from client_sdk import config as client_config
from client_sdk import institution_config
from lpm_secure.calibration import config as calibrations
from lpm_secure.evaluation.config import load as load_evaluation
from lpm_secure.models.tracer import trace
from lpm_secure.populations.channels import place_channels
from lpm_secure.populations.source import PopulationConfig, open_population
from lpm_secure.run import engine_config
from tests.integration.conftest import call
from tests.page_blocks import ROOT, blocks_of

KEY = base64.b64encode(bytes(32)).decode()
OF_PARTIES = f'name = "x"\nmanifest = "m.json"\noperator_key = "{KEY}"\npolicy = "p.toml"\ncredentials = "."\n'
OF_TABLES = 'people = "people.csv"\ncontacts = "contacts.csv"\n'


def block(page, language, number=1):
    return blocks_of(page, language)[number - 1]


def text_of(page, number=1):
    return block(page, "toml", number).text


def type_in(commands, folder):
    """Run each `lpm` command of a block, one after the other, and return what they printed."""
    printed = []
    for line in commands:
        done = call(*shlex.split(line)[1:], cwd=folder)
        assert done.returncode == 0, (line, done.stderr)
        printed.append(done.stdout)
    return printed


def read(loads, folder, text):
    path = folder / "given.toml"
    path.write_text(text)
    return loads(path)


@pytest.mark.slow
def test_a_new_model_runs_as_the_pages_say(tmp_path):
    page = "docs/write_a_model.md"
    _, checked, ran = type_in(block("README.md", "sh", 2).commands, tmp_path)
    (folder,) = (path for path in (tmp_path / "runs").iterdir() if path.is_dir())
    told = type_in([block(page, "text", 4).text.splitlines()[0][2:].replace("runs/ID", str(folder))], tmp_path)[0]
    for number, printed in ((2, checked), (3, ran), (4, told)):
        lines = [line.rstrip() for line in printed.splitlines()]
        shown = [
            line for line in block(page, "text", number).text.splitlines() if not line.startswith(("sec", "$ lpm"))
        ]
        assert [line for line in shown if line not in lines] == []
    given, own = tomllib.loads((tmp_path / "rumour" / "run.toml").read_text()), tomllib.loads(text_of(page, 2))
    assert {name: given[name] for name in own} == own


def test_own_tables_are_looked_at_and_run(tmp_path):
    shutil.copytree(ROOT / "examples" / "ward", tmp_path / "ward")
    own = tomllib.loads(text_of("docs/own_people.md"))
    given = tomllib.loads((ROOT / "examples" / "ward.toml").read_text()) | own | {"steps": 2}
    (tmp_path / "run.toml").write_bytes(msgspec.toml.encode(given))
    assert len(lpm.load(tmp_path / "run.toml").run().hashes) == 1
    of_run, of_model = block("docs/own_people.md", "sh").commands
    (printed,) = type_in(
        [of_run.replace("people.csv", "ward/people.csv").replace(" contacts", " ward/contacts")], tmp_path
    )
    assert re.search("contacts +694", printed)
    people = [line.split(",") for line in (tmp_path / "ward" / "people.csv").read_text().splitlines()]
    rows = (",".join((person, ward, room, stage)) for person, ward, room, _, stage, _ in people)
    (tmp_path / "ward" / "people.csv").write_text("\n".join(rows))
    type_in([of_model], tmp_path / "ward")


def test_the_configurations_of_parties_are_read(tmp_path):
    page = "docs/own_people.md"
    own = read(client_config.load, tmp_path, OF_PARTIES + OF_TABLES + text_of(page, 2))
    assert (own.others, own.dictionary.cells) == ("others.csv", ("W 1", "W 2"))
    again = read(client_config.load, tmp_path, OF_PARTIES + OF_TABLES + text_of("docs/data_dictionary.md"))
    assert again.dictionary.unread == ("Telefon",)
    engine = read(engine_config.load, tmp_path, text_of(page, 3).replace('"..."', f'"{KEY}"'))
    assert engine.synthetic.agents == 400
    text = OF_PARTIES + text_of("docs/calibration.md", 4)
    assert read(institution_config.load, tmp_path, text).start == datetime.date(2026, 1, 5)


def test_the_tables_of_a_calibration_are_read(tmp_path):
    whole, mean, public = (text_of("docs/calibration.md", number) for number in (1, 2, 3))
    text = re.sub("(?m)^walk_sd.*\n", "", whole).replace('places.csv"', 'places.csv"\npublic = "public.csv"') + public
    given = read(calibrations.load, tmp_path, text.replace("[observation]", f"{mean}\n[observation]"))
    assert given.public_observation.spread == 50.0
    assert given.model.priors.autoregression.scale == 0.3


def test_the_configuration_of_an_evaluation_is_read(tmp_path):
    shutil.copy(ROOT / "examples" / "hospitals.toml", tmp_path)
    config, _ = read(load_evaluation, tmp_path, text_of("docs/evaluation.md"))
    assert config.horizons == (4, 8)


def test_parameters_by_group_and_time_are_given_as_the_page_says():
    page, names = "docs/write_a_model.md", {"__name__": __name__}
    (text,) = (each.text for each in blocks_of(page, "python") if "class Ages" in each.text)
    exec("import lpm_secure as lpm\n" + text, names)
    first, *others = text_of(page).splitlines()[1:]
    for line in (first, *(each.removeprefix("# or: ") for each in others)):
        lpm.Simulation(
            model=names["Ages"], people="look_alike", steps=1, parameters=tomllib.loads(line), protocol={"mode": "sum"}
        ).run()


def test_the_blocks_on_thresholds_and_shares_hold_what_they_say():
    names = {}
    for each in blocks_of("docs/thresholds_and_shares.md", "python"):
        exec(each.text, names)
    assert {"one", "opened", "derivative", "score"} <= names.keys()


class Talk(lpm.Model):
    """Says what it knows on both channels of the page."""

    mind = lpm.stage("UNAWARE", "AWARE")
    patience = lpm.field(0, 9)
    colleagues, near = lpm.message(most=1), lpm.message(most=1)
    enough = lpm.outcome({colleagues: 1, near: 1}, above=patience)

    def begin(self, me, draw):
        return me.set(mind=lpm.where(draw.happens(2**30, "start"), "AWARE", "UNAWARE"), patience=5)

    def says(self, me):
        return {self.colleagues: me.mind == "AWARE", self.near: me.mind == "AWARE"}

    def update(self, me, heard, draw):
        return me.set(mind=lpm.where(heard[self.enough], "AWARE", me.mind))


def test_channels_of_a_city_are_given_as_the_page_says():
    channels = tomllib.loads(text_of("docs/write_a_model.md", 4))["channels"]
    city = lpm.Simulation(model=Talk, population="look_alike", agents=500, steps=1, channels=channels)
    assert city.config.channels.keys() == channels.keys()
    population = open_population(PopulationConfig(kind="look_alike", agents=500), beside=ROOT)
    placed = place_channels(population, trace(Talk).graph, city.config.channels, what="[channels]")
    assert {name: len(links) for name, links in placed.links.items()} == {"colleagues": 1, "near": 2}


def test_pages_are_served_as_the_page_says(deploy, tmp_path):
    (tmp_path / "runs").mkdir()
    deployment = deploy()
    (tmp_path / "aggregators").mkdir()
    party = deployment.party(deployment.manifest.aggregators[0].name)
    (tmp_path / "aggregators" / "one").symlink_to(party, target_is_directory=True)
    for line in block("docs/live_page.md", "sh", 2).commands:
        command = [sys.executable, "-m", "lpm_secure.cli", *shlex.split(line)[1:], "--port", "0"]
        with subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as server:
            try:
                place, token = server.stdout.readline().strip().removeprefix("http://").split("/?token=")
                page = http.client.HTTPConnection(place, timeout=30)
                page.request("GET", "/", headers={"cookie": f"lpm-{place.rpartition(':')[2]}={token}"})
                assert page.getresponse().status == 200
                page.close()
            finally:
                server.send_signal(signal.SIGINT)
            _, errors = server.communicate(timeout=30)
        assert "Traceback" not in errors
        assert token not in errors


@pytest.mark.slow
def test_sensitivities_of_own_people_are_written(tmp_path):
    os.symlink(ROOT / "examples", tmp_path / "examples")
    type_in(block("docs/estimators.md", "sh", 1).commands, tmp_path)
    assert list((tmp_path / "ward-sensitivity").glob("*.csv"))


@pytest.mark.slow
def test_a_calibration_between_parties_is_begun_and_rehearsed(tmp_path):
    begin, rehearse, kit = block("docs/calibration.md", "sh", 4).commands
    type_in([begin], tmp_path)
    project = tmp_path / "fever" / "project.toml"
    project.write_text(re.sub("(?m)^rounds = .*", "rounds = 3", project.read_text()))
    type_in([rehearse, kit], tmp_path)
    assert (tmp_path / "fever" / "kits").is_dir()
