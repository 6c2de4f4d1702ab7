"""Network namespaces of a test: each party has its own network, and meets the others over one bridge alone."""

import os
import shutil
import subprocess
from typing import Final

import pytest

PREFIX: Final = "10.177.0"  # nobody's: the bridge is in a namespace too, so no network of the machine sees it


class Networks:
    """Networks of some parties, from entering on; a test is skipped, with the reason, where the system makes none.

    Attributes:
        hosts: each party's address.
    """

    def __init__(self, parties):
        self.hosts = {party: f"{PREFIX}.{number}" for number, party in enumerate(parties, 1)}
        self._tag = f"lpm{os.getpid()}"

    def __enter__(self):
        if shutil.which("ip") is None:
            pytest.skip("networks of their own need `ip` of iproute2, which is not here")
        try:
            self._make()
        except subprocess.CalledProcessError as error:
            self.__exit__()
            said = error.stderr.decode(errors="replace").strip()
            pytest.skip(f"this user makes no network namespace here, which needs root: {said}")
        return self

    def __exit__(self, *_):
        for name in (*self.hosts, "hub"):
            subprocess.run(["ip", "netns", "delete", self._name(name)], check=False, capture_output=True)

    def inside(self, party):
        """Return what a command begins with that runs in a party's network."""
        return ["ip", "netns", "exec", self._name(party)]

    def _name(self, party):
        return f"{self._tag}-{party}"

    def _make(self):
        for name in ("hub", *self.hosts):
            _ip("netns", "add", self._name(name))
            self._in(name, "link", "set", "lo", "up")
        self._in("hub", "link", "add", "bridge", "type", "bridge")
        self._in("hub", "link", "set", "bridge", "up")
        for number, (name, host) in enumerate(self.hosts.items(), 1):
            there = ("peer", "name", "net", "netns", self._name(name))
            self._in("hub", "link", "add", f"party{number}", "type", "veth", *there)
            self._in("hub", "link", "set", f"party{number}", "master", "bridge", "up")
            self._in(name, "address", "add", f"{host}/24", "dev", "net")
            self._in(name, "link", "set", "net", "up")

    def _in(self, name, *words):
        _ip("-n", self._name(name), *words)


def _ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)
