"""One word for one thing: words that the source once used beside the literature's own, and that do not come back."""

import re
from collections.abc import Iterator

from tests.checks.tree import Finding, Tree

SYNONYMS = {
    r"conditional posterior": "amortised posterior: what is trained once, for any series",
    r"\bconditional (?:flows?|calibrations?|inferences?)\b": "amortised: what is trained once, for any series",
    r"\bcomparers?\b": "backend, which computes on shares",
    r"\bvector_(?:kept|keeps?)\b": "journal, of what a restart goes on from",
    r"\b(?:sealed|summed)_once\b": "sealed message, and stateless sum",
    r"\bseal(?:s|ed|ing)? (?:small |a )?(?:cells?|counts?)\b": "suppression; to seal is to encrypt to a party",
}
PLACES = (".py", ".md", ".toml", ".proto")


def synonyms(tree: Tree) -> Iterator[Finding]:
    """Find a word of before in the source, its tests and its pages; what the CHANGELOG tells of old versions stays."""
    for path in tree.files:
        if path.suffix not in PLACES or path.is_relative_to("tests/checks") or path.name == "CHANGELOG.md":
            continue
        text = " ".join(tree.text(path).split())
        for pattern, word in SYNONYMS.items():
            if spoken := re.search(pattern, text, re.IGNORECASE):
                yield Finding(
                    "synonym", f"{path}:{spoken.group()}", f"{path} says {spoken.group()!r}; its word is {word}"
                )
