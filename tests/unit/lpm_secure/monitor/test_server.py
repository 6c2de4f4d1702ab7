"""The server: on this machine, with a token, until it is told to stop."""

import http.client
import signal
import socket
import subprocess
import sys

import pytest

from lpm_secure.monitor.server import serve
from lpm_secure.report.progress import ProgressHead, journal_of
from protocols.errors import ParameterError


def test_the_command_prints_an_address_that_answers_and_ends_when_told_so(tmp_path):
    with journal_of(tmp_path / "x", ProgressHead(at=1.0, kind="city", name="x", run="ab", total=3)):
        pass
    command = [sys.executable, "-m", "lpm_secure.cli", "serve", str(tmp_path), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            address = server.stdout.readline().strip()
            place, token = address.removeprefix("http://").split("/?token=")
            connection = http.client.HTTPConnection(place, timeout=30)
            connection.request("GET", "/runs/x", headers={"cookie": f"lpm-{place.rpartition(':')[2]}={token}"})
            assert connection.getresponse().status == 200
            connection.close()
        finally:
            server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=30)
    assert "Traceback" not in errors
    assert token not in errors


def test_mistakes_are_one_line(tmp_path):
    with pytest.raises(ParameterError, match="is no folder"):
        serve(tmp_path / "nothing" / "runs", say=print)
    (tmp_path / "file").touch()
    with pytest.raises(ParameterError, match="is no folder"):
        serve(tmp_path / "file", say=print)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ParameterError, match="cannot listen on 127"):
            serve(tmp_path, port=taken.getsockname()[1], say=print)
