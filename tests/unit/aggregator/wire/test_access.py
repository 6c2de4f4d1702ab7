"""Who may call: lists of certificates, read again when they change."""

import pytest

from aggregator.wire.access import Access
from protocols.errors import (
    NotEnrolled,
    ParameterError,
    Revoked,
)


def test_lists_are_read_again_when_they_change_and_kept_when_they_cannot_be_read(tmp_path):
    allowed, revoked = tmp_path / "allowed.txt", tmp_path / "revoked.txt"
    allowed.write_text("a\nb\n")
    access = Access(allowed=allowed, revoked=revoked)
    assert revoked.exists()
    access.check("a")
    with pytest.raises(NotEnrolled, match="not on the access list"):
        access.check("c")
    revoked.write_text("a\n")
    with pytest.raises(Revoked, match="a was revoked"):
        access.check("a")
    revoked.unlink()
    with pytest.raises(Revoked):  # a list that is gone takes nobody back
        access.check("a")
    revoked.write_text("")
    access.check("a")
    with pytest.raises(ParameterError, match="cannot read"):
        Access(allowed=tmp_path / "missing.txt")
