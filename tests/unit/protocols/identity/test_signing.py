"""Signatures are for one purpose, and keys are private files."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import BadSignature, ParameterError
from protocols.identity import signing
from protocols.identity.server_keys import ServerKeys
from protocols.identity.signing import SignaturePurpose


@given(
    st.sampled_from(SignaturePurpose), st.sampled_from(SignaturePurpose), st.binary(max_size=20), st.binary(max_size=20)
)
def test_a_signature_is_for_one_purpose_and_one_content(made_for, used_for, content, other):
    key = signing.new_key()
    signature = signing.sign(key, made_for, content)
    if (made_for, content) == (used_for, other):
        signing.verify(signing.public_of(key), used_for, other, signature)
    else:
        with pytest.raises(BadSignature):
            signing.verify(signing.public_of(key), used_for, other, signature)


def other(manifest, name, **changes):
    """Return the pinned keys with those of one party changed."""
    return {**manifest.trust.keys, name: msgspec.structs.replace(manifest.trust.keys[name], **changes)}


def test_keys_are_private_files_that_are_never_written_over_and_never_printed(tmp_path):
    keys = ServerKeys.generate()
    keys.write(tmp_path)
    for file in tmp_path.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ParameterError, match="is there already"):
        keys.write(tmp_path)
    again = ServerKeys.read(tmp_path)
    assert signing.public_of(again.identity) == signing.public_of(keys.identity)
    assert again.sealing.public == keys.sealing.public
    (tmp_path / "sealing.key").chmod(0o640)
    with pytest.raises(ParameterError, match="has mode 640"):
        ServerKeys.read(tmp_path)
    secret = keys.sealing._secret
    assert secret.hex()[:16] not in repr(keys) + repr(keys.sealing)
    assert repr(secret)[2:20] not in repr(keys) + repr(keys.sealing)
