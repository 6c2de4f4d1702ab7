"""What a server's operator hands over: public keys and a request of one key, and nothing secret."""

import msgspec
import pytest

from protocols import canonical_json
from protocols.errors import BadSignature, LpmError, ParameterError
from protocols.identity import server_request


@pytest.fixture
def made(tmp_path):
    return server_request.request(tmp_path / "keys", "agg-a", "ministry")


def test_a_request_is_read_as_it_was_written_and_keys_stay_in_their_folder(made, tmp_path):
    path = tmp_path / "request.json"
    path.write_bytes(canonical_json.encode(made))
    assert server_request.load(path) == made
    assert (made.name, made.keys.operator) == ("agg-a", "ministry")
    for secret in (tmp_path / "keys").iterdir():
        assert secret.stat().st_mode & 0o077 == 0, secret
        assert secret.read_bytes() not in path.read_bytes()


def test_keys_are_not_written_over(made, tmp_path):
    before = (tmp_path / "keys" / "private.key").read_bytes()
    with pytest.raises(ParameterError, match="holds keys already"):
        server_request.request(tmp_path / "keys", "agg-a", "ministry")
    assert (tmp_path / "keys" / "private.key").read_bytes() == before


def test_a_request_for_another_name_or_key_is_refused(made, tmp_path):
    other = server_request.request(tmp_path / "other", "agg-b", "ministry")
    with pytest.raises(BadSignature, match="is for another key than it names"):
        msgspec.structs.replace(made, keys=other.keys).check()
    with pytest.raises(LpmError):
        msgspec.structs.replace(made, name="agg-b").check()
    with pytest.raises(ParameterError):
        server_request.request(tmp_path / "third", "agg a/", "ministry")
    assert not (tmp_path / "third").exists()
