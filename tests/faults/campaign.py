"""Faults of real processes in active runs, as seeds draw them: the same bits, or one clear end for all."""

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections import defaultdict

import torch

from lpm_secure.engine.journal import ReleaseJournal
from lpm_secure.engine.series import StageSeries
from lpm_secure.run.processes import run_clear
from protocols.errors import LpmError
from protocols.releases import ledger
from protocols.releases.ledger import RoundEvent
from protocols.task import manifest as manifests
from protocols.task.rounds import Phase
from protocols.task.timeouts import patience_s
from tests import zygote
from tests.comparison_lies import KEY_LIES
from tests.conformance.reference import reference
from tests.integration.conftest import drive_unwatched, end, write_active
from tests.masked_lies import LIAR, LIES

STEPS, TIMEOUT_S = 4, 2.0
SERVERS = ("dealer", "aggregator-0", "aggregator-1")
CLIENTS = tuple(f"client-{index}" for index in range(4))
KINDS = ("kill", "restart", "stop", "restore", "clock", "twice", "engine", "servers", "back")
STATE = ("*.journal", "*.checkpoint", "ledger-*", "store.sqlite*")
END_S = 30.0  # for all parties, after the engine has, beyond what a client's last calls may take


class Fault:
    """What happens to which party, and when, as a seed draws it.

    Attributes:
        servers: of the run that it happens to.
    """

    servers = SERVERS

    def __init__(self, seed):
        draw = random.Random(seed)
        self.kind, self.party = draw.choice(KINDS), draw.choice((*SERVERS, *CLIENTS))
        self.step, self.delay_s = draw.randrange(STEPS - 1), draw.choice([0.0, draw.uniform(0.0, 0.3)])
        self.pause_s = draw.choice([0.2, 1.0, 4.0 * TIMEOUT_S])
        self.days = draw.choice([-400, 400, 4000])
        self.saved = draw.choice(["nothing", "an earlier step"]) if self.step else "nothing"
        if self.kind in ("engine", "back"):
            self.party = "engine"
        if self.kind == "servers":
            self.party = draw.choice(SERVERS)
        self.lie = draw.choice(sorted(LIES | KEY_LIES)) if draw.random() < 0.5 else ""

    def write(self, folder):
        """Write the run that it happens to."""
        return write_active(folder, steps=STEPS, timeout_s=TIMEOUT_S)

    def __str__(self):
        more = {"stop": f" for {self.pause_s} s", "restore": f" to {self.saved}", "clock": f" by {self.days} days"}
        when = f"{self.delay_s:.2f} s after step {self.step}"
        lie = f", and {LIAR} lies: {self.lie}" if self.lie else ""
        return f"{self.kind} {self.party}{more.get(self.kind, '')}, {when}{lie}"


class Scene:
    """One run, and its fault."""

    def __init__(self, fault, folder):
        self.fault, self.deployment = fault, fault.write(folder)
        self.step = -1
        self.saved, self.others, self.second, self.driven, self.is_back = folder / "saved", [], None, None, False

    def start(self):
        for name in (*self.fault.servers, *CLIENTS):
            if name == LIAR and self.fault.lie:
                self._launch(name, ["tests.masked_liar", self.fault.lie, self._config(name)])
            else:
                self.deployment.start_party(name)

    def _launch(self, name, program):
        with (self.deployment.party(name) / "log.jsonl").open("ab") as log:
            self.deployment._processes[name] = zygote.launch(program, log)

    def act(self, step):
        """Be told of a step; what goes wrong does so within it."""
        if step <= self.step:  # an engine that is back goes through the steps before once more
            return
        self.step = step
        if step == self.fault.step - 1 and self.fault.saved != "nothing":
            self.saved.mkdir()
            for path in self._state():
                shutil.copy2(path, self.saved)
        if step == self.fault.step:
            asyncio.get_running_loop().call_later(self.fault.delay_s, getattr(self, f"_{self.fault.kind}"))

    def _state(self):
        folder = self.deployment.party(self.fault.party)
        return [path for pattern in STATE for path in folder.glob(pattern)]

    def _kill(self):
        self._end(self.fault.party)

    def _end(self, name):
        process = self.deployment.process(name)
        process.kill()
        process.wait(10.0)

    def _restart(self):
        self._kill()
        self.deployment.start_party(self.fault.party)

    def _servers(self):
        """End a server, the next one and it once more, each as soon as the one before has been started again."""
        place = SERVERS.index(self.fault.party)
        for name in (self.fault.party, SERVERS[place - 1], self.fault.party):
            self._end(name)
            if name == LIAR and self.fault.lie:
                self._launch(name, ["tests.masked_liar", self.fault.lie, self._config(name)])
            else:
                self.deployment.start_party(name)

    def _back(self):
        """End the engine's process, and let the next one go on from the journal."""
        self.is_back = True
        self.driven.cancel()

    def _stop(self):
        process = self.deployment.process(self.fault.party)
        process.send_signal(signal.SIGSTOP)
        go_on = threading.Timer(self.fault.pause_s, process.send_signal, [signal.SIGCONT])
        go_on.start()  # no task of the loop: the engine may end before

    def _restore(self):
        self._kill()
        for path in self._state():
            path.unlink()
        for path in self.saved.glob("*"):
            shutil.copy2(path, self.deployment.party(self.fault.party))
        self.deployment.start_party(self.fault.party)

    def _clock(self):
        self._kill()
        party = self.fault.party
        program = ["tests.skewed_clock", str(self.fault.days), *self._program(), "--config", self._config(party)]
        self._launch(party, program)

    def _twice(self):
        with (self.deployment.party(self.fault.party) / "second.log").open("wb") as log:
            program = [*self._program(), "--config", self._config(self.fault.party)]
            self.others.append(zygote.launch(program, log))

    def _engine(self):
        self.second = asyncio.ensure_future(drive_unwatched(self.deployment))

    def _program(self):
        if self.fault.party in CLIENTS:
            return ["client_sdk"]
        return ["aggregator", "dealer"] if self.fault.party == "dealer" else ["aggregator"]

    def _config(self, name):
        return str(self.deployment.party(name) / "config.toml")

    async def drive(self):
        """Drive the run, and return its series, or why it ended; a second engine has ended too."""
        limit = patience_s(self.deployment.testbed.manifest, 0) + patience_s(self.deployment.testbed.manifest, 1) + 30.0
        try:
            return await asyncio.wait_for(self._drive(), limit)
        except LpmError as error:
            return error
        finally:
            if self.second is not None:
                await asyncio.gather(self.second, return_exceptions=True)

    async def _drive(self):
        while True:
            self.driven = asyncio.ensure_future(drive_unwatched(self.deployment, self.act, self._journal()))
            try:
                return await self.driven
            except asyncio.CancelledError:
                if not self.is_back:
                    raise
                self.is_back = False

    def _journal(self):
        run = manifests.run_id(self.deployment.testbed.manifest)
        return ReleaseJournal(self.deployment.party("engine") / "releases.jsonl", run=run, engine="0" * 64)


def play(seed, folder, draw=Fault):
    """Play one fault, and return its line: what it was, how the run ended, and what is wrong with that."""
    fault, started = draw(seed), time.perf_counter()
    scene = Scene(fault, folder)
    try:
        scene.start()
        ending = asyncio.run(scene.drive())
        codes = _codes(scene)
        result, wrong = judge(scene, ending, codes)
    finally:
        for process in scene.others:
            process.kill()
            process.wait(10.0)
        end(scene.deployment)
    return {
        "seed": seed,
        "fault": str(fault),
        "result": result,
        "wrong": wrong,
        "codes": codes,
        "seconds": round(time.perf_counter() - started, 1),
    }


def _codes(scene):
    manifest = scene.deployment.testbed.manifest
    longest = patience_s(manifest, min(scene.fault.step, 1))  # a call of the first step waits as long as for joining
    longest += manifest.round_timeout_s  # a client tells a server that is down that it stops
    until, codes = time.monotonic() + longest + END_S, {}
    for name in CLIENTS:
        try:
            codes[name] = scene.deployment.process(name).wait(max(until - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            codes[name] = "runs"
    return codes


def judge(scene, ending, codes):
    """Return how a run ended, and all that is wrong with it."""
    deployment, fault = scene.deployment, scene.fault
    clear = run_clear(deployment.testbed, torch.device("cpu")).series
    untouched = {name: code for name, code in codes.items() if name != fault.party}
    wrong = [f"{name} ended with {code}" for name, code in untouched.items() if code not in (0, 3)]
    wrong += [f"{fault.party} runs on"] if codes.get(fault.party) == "runs" else []
    if isinstance(ending, StageSeries):
        same = ending.hash == clear.hash
        missed, *more = absences(deployment)
        result = "the same bits" if same else "left out" if STEPS in missed.get(fault.party, ()) else "came back"
        if not same and ending.counts.tolist() != reference(deployment.testbed, missed, *more)[1]:
            wrong.append("the series is none of a run in which clients were away as they were")
        if any(steps for name, steps in missed.items() if name != fault.party):
            wrong.append("another client was away")
        wrong += [f"{name} ended with {code}" for name, code in untouched.items() if code != 0]
        wrong += ["a lie was told, and the run went on"] if _lied(deployment) else []
    else:
        result = f"one stop: {type(ending).__name__}"
        wrong += [f"{name} goes on after a stop" for name, code in untouched.items() if code == 0]
    return result, wrong + _in_logs(deployment) + _in_ledgers(deployment)


def _lied(deployment):
    """Tell whether an active run's party said what is not so; a semi-honest run has none that lies."""
    return '"lied"' in (deployment.party(LIAR) / "log.jsonl").read_text(errors="replace")


def absences(deployment):
    """Return of each client in which steps it did not speak, was told no bits, and spoke and was told no release."""
    manifest = deployment.testbed.manifest
    path = deployment.party("aggregator-0") / ledger.file_name(manifests.run_id(manifest))
    events = ledger.load(path, manifest.trust.keys["aggregator-0"].identity)
    spoken = [each.agreed for each in events if isinstance(each, RoundEvent) and each.agreed.phase == Phase.SPEAK]
    missed = {name: {each.step for each in spoken if name not in each.members} for name in CLIENTS}
    undecided, deaf = defaultdict(set), defaultdict(set)
    for name in CLIENTS:
        folder = deployment.party(name)
        if not (folder / "summary.json").exists():
            continue
        lines = (folder / "series.csv").read_text().splitlines()[1:]
        unheard = {int(line.split(",")[0]) for line in lines if not line.split(",")[1]}
        steps = json.loads((folder / "summary.json").read_text())["missed_steps"]
        undecided[name] = {step for step in steps if steps.count(step) > (step in unheard)}
        deaf[name] = unheard - missed[name]
    return missed, undecided, deaf


def _in_logs(deployment):
    """Return what no log may hold: a traceback, or a failure that a server does not understand."""
    wrong = []
    for name in (each for each in (*SERVERS, *CLIENTS) if (deployment.party(each) / "log.jsonl").exists()):
        text = (deployment.party(name) / "log.jsonl").read_text(errors="replace")
        wrong += [f"{name} has a traceback" for mark in ("Traceback", '"failed"') if mark in text]
        said = [line for line in text.splitlines() if line.startswith("client: ")]
        ended = [line for line in said if not line.startswith("client: waiting for ")]  # for a server that is slow
        wrong += [f"{name} ended in {len(ended)} lines"] if len(ended) > 2 else []  # it may have been started again
    return wrong


def _in_ledgers(deployment):
    """Return whether a round was told twice, or told as two things; a liar's own ledger is not looked at."""
    manifest, agreed, wrong, lied = deployment.testbed.manifest, {}, [], _lied(deployment)
    for name in (each for each in SERVERS[1:] if not (lied and each == LIAR)):
        path = deployment.party(name) / ledger.file_name(manifests.run_id(manifest))
        try:
            events = ledger.load(path, manifest.trust.keys[name].identity)
        except LpmError as error:
            wrong.append(f"the ledger of {name} does not verify: {error}")
            continue
        rounds = [event.agreed for event in events if isinstance(event, RoundEvent)]
        if [each.number for each in rounds] != sorted({each.number for each in rounds}):
            wrong.append(f"{name} told a round twice")
        wrong += [
            f"round {each.number} was told as two things"
            for each in rounds
            if agreed.setdefault(each.number, each) != each
        ]
    return wrong


def append(path, line):
    """Write a line of the campaign down, on disk, behind whatever was left of the last one."""
    with path.open("a") as file:
        file.write("\n" + json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())
