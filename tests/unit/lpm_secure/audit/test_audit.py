"""What the audit says of a folder that it cannot read."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lpm_secure.audit import index
from lpm_secure.audit.audit import audit
from protocols.errors import OtherVersion


def test_a_folder_of_another_version_is_told_in_one_line_unless_it_was_changed(tmp_path):
    key = Ed25519PrivateKey.generate()
    own = key.public_key().public_bytes_raw()
    (tmp_path / "manifest.json").write_text(json.dumps({"version": 1, "name": "old", "model": {"beta": [1]}}))
    index.write(tmp_path, key)
    with pytest.raises(OtherVersion, match=r"is of format 1, .* audit its run, with lpm-secure 0\.1\.0"):
        audit(tmp_path, operator_key=own)
    (tmp_path / "manifest.json").write_text(json.dumps({"version": 1, "name": "new"}))
    report = audit(tmp_path, operator_key=own)
    assert report.findings == 3
    assert report.checks["every file is as it was when the run ended"] == ["manifest.json: changed"]
