"""The server's mistakes; that it serves, with a token, until it is told to stop: `test_page_blocks.py`."""

import socket

import pytest

from lpm_secure.monitor.server import serve
from protocols.errors import ParameterError


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
