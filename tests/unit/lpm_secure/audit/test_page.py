"""An audit for people: caveats first, then who learned what; hashes are there for whoever looks for them."""

from lpm_secure.audit.audit import FROM_FOLDER, SKIPPED, Report
from lpm_secure.audit.page import page_of

DIGEST = "ab" * 32


def page(**given):
    received = {"aggregator-0": {"clinic": {"count": 3, "bytes": 2_000, "sha256": DIGEST}}}
    found = {"run": "cd" * 32, "checks": {"files": []}, "received": received, "learned": ["Each client learned a bit."]}
    return page_of(Report(**found | given)).html()


def test_caveats_stand_before_what_they_are_about_and_once():
    text = page(notes=["a note", SKIPPED, FROM_FOLDER])
    places = [text.index(each) for each in ("SKIPPED", "taken from the folder", "Each client learned a bit.", "a note")]
    assert places == sorted(places)
    assert text.count("SKIPPED") == text.count("taken from the folder") == 1
    assert "First:" not in page(notes=["a note"])


def test_hashes_are_folded_away_and_findings_counted():
    text = page()
    assert "Nothing was found" in text
    fold = text.index("<details>")
    assert text.index(DIGEST) > fold
    assert text.index("cd" * 32) > fold
    assert "1 finding<" in page(checks={"files": ["x: changed"]})
    assert "2 findings<" in page(checks={"files": ["x: changed", "y: missing"]})


def test_an_audit_without_a_manifest_says_nothing_of_what_was_learned():
    assert "Who learned what" not in page(learned=[], run="")
