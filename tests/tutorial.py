"""docs/three_hospitals.md as people would play it: each party in a folder of its own, as processes of its own."""

import csv
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from tests import three_hospitals
from tests.three_hospitals import SERVERS

PAGE = (Path(__file__).parents[1] / "docs" / "three_hospitals.md").read_text()
BLOCK = re.compile(r"```sh\n# ([^,\n]*)[^\n]*\n(.*?)```", re.DOTALL)
BLOCKS = [(who, lines.splitlines()) for who, lines in BLOCK.findall(PAGE)]
TOLD = 9  # entries of a client's journal, when it has spoken in the first step
NAMES = {"each party": "st-mary", "each server": "agg-a", "each hospital": "st-mary"}


class Tutorial:
    """Types the page's commands for all parties, and carries files between them as people would.

    Attributes:
        cast: whose clients take part: their names, tables and project, as `three_hospitals` has them.
        typed: party and line of each command.
        seconds: of each command that ends by itself, party, line and the CPU seconds that it took, user and system.
    """

    def __init__(self, folder, *, seed=None, active=False, networks=None, cast=three_hospitals):
        self.folder, self.seed, self.active, self.networks, self.cast = folder, seed, active, networks, cast
        self.typed, self.running, self.seconds, self.blocks = [], {}, [], iter(BLOCKS)
        self.parties = (*SERVERS, *cast.CLIENTS)
        for name in ("ministry", *self.parties):
            (folder / name).mkdir()

    def kit(self, name):
        return self.folder / name / name

    @property
    def until_started(self):
        """How many commands were typed after the kits were made, until all have started."""
        lines = [line for _, line in self.typed]
        kits = next(place for place, line in enumerate(lines) if line.startswith("lpm project kit"))
        return max(place for place, line in enumerate(lines) if line.startswith("lpm start")) - kits

    def type(self, *, stays=False, key="KEY", also=None):
        """Type the next block, and for further parties a line each; commands that stay are left running."""
        who, lines = next(self.blocks)
        groups = {"each server": SERVERS, "each hospital": self.cast.CLIENTS, "each party": self.parties}
        typed = [
            *((party, lines) for party in groups.get(who, (who,))),
            *((party, [line]) for party, line in (also or {}).items()),
        ]
        for party, block in typed:
            for line in block:
                self.typed.append((party, line))
                given = line.replace(NAMES.get(who, "\0"), party).replace("KEY", key)
                if stays:
                    self.running[party] = self._start(party, given)
                else:
                    self.run(party, line, given)

    def run(self, party, line, given=None, *, codes=(0,)):
        """Run a command of a party to its end, and keep what it cost."""
        child = self._start(party, given or line.replace("KEY", self.operator_key(party)))
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode in codes, self.log(party)
        self.seconds.append((party, line, usage.ru_utime + usage.ru_stime))

    def _start(self, party, line):
        place = [] if self.networks is None else self.networks.inside(party)
        command = [*place, sys.executable, "-m", "lpm_secure.cli", *shlex.split(line)[1:]]
        with (self.folder / f"{party}.log").open("ab") as log:
            return subprocess.Popen(command, cwd=self.folder / party, stdout=log, stderr=log)

    def operator_key(self, party):
        """Return the key of the run's operator, as a kit has it."""
        kit = self.kit(party) / "kit.toml"
        return tomllib.loads(kit.read_text())["operator_key"] if kit.exists() else "KEY"

    def log(self, party):
        return (self.folder / f"{party}.log").read_text()

    def carry(self, source, target):
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)

    def wait(self, parties):
        for party in parties:
            assert self.running[party].wait(240) == 0, "\n".join(self.log(each) for each in (party, *SERVERS))

    def stop(self):
        for child in self.running.values():
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for child in self.running.values():
            child.wait(30)

    def prepare(self):
        """Play the page until all can start, and return the ministry's folder of the project."""
        winter = self.folder / "ministry" / "winter"
        self.type()
        path = winter / "project.toml"
        hosts = None if self.networks is None else self.networks.hosts
        path.write_text(self.cast.edited(path.read_text(), seed=self.seed, active=self.active, hosts=hosts))
        self.type()
        for name in self.parties:
            (winter / "kits" / name).rename(self.kit(name))
        self.type()
        for name in self.parties:
            self.carry(self.kit(name) / f"{name}.request", winter / "requests" / f"{name}.request")
        for name in self.cast.CLIENTS:
            self.cast.own_files(self.kit(name), name)
            if self.seed is not None:  # its people are made up
                policy = self.kit(name) / "policy.toml"
                policy.write_text(policy.read_text().replace("testbed = false", "testbed = true"))
        self.type()
        for name in self.parties:
            for file in (winter / "answers" / name).iterdir():
                self.carry(file, self.kit(name) / file.name)
        return winter

    def kill(self, party):
        """End a client's process by kill -9 in the run's middle, and start it again."""
        journal = self.kit(party)
        while sum(len(file.read_bytes().split()) for file in journal.glob("*.journal")) < TOLD:
            assert self.running[party].poll() is None, self.log(party)
            time.sleep(0.01)
        self.running[party].kill()
        assert self.running[party].wait(30) == -signal.SIGKILL
        self.running[party] = self._start(party, f"lpm start {party}")

    def play(self, *, killed=None):
        """Play the page until all hospitals have ended, one of them once more, and return the ministry's folder."""
        winter = self.prepare()
        self.type(stays=True)
        for server in SERVERS:
            file = self.kit(server) / f"manifest.{server}.sig"
            while not file.exists():
                assert self.running[server].poll() is None, self.log(server)
                time.sleep(0.2)
            for name in self.cast.CLIENTS:
                self.carry(file, self.kit(name) / file.name)
        self.type(stays=True)
        if killed is not None:
            self.kill(killed)
        self.wait(self.cast.CLIENTS)
        return winter

    def rows(self, name, file):
        with (self.kit(name) / file).open(newline="", encoding="utf-8") as content:
            return list(csv.DictReader(content))
