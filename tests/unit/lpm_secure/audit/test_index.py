"""The index of a folder: links count as what they say."""

from lpm_secure.audit import index
from protocols.identity import signing


def test_links_that_were_added_or_turned_are_found_whatever_they_lead_to(tmp_path):
    run, key = tmp_path / "run", signing.new_key()
    (run / "parties").mkdir(parents=True)
    (run / "log").symlink_to("parties")
    index.write(run, key)
    assert index.differences(run, signing.public_of(key)) == []
    (run / "log").unlink()
    (run / "log").symlink_to(tmp_path)
    (run / "ledgers").symlink_to(tmp_path)
    found = index.differences(run, signing.public_of(key))
    assert found == ["ledgers: not there when the run ended", "log: changed"]
