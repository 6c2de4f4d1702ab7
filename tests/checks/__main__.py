"""Check the house, or say how it stands.

python -m tests.checks           one line for each breach; exit code 1 if there is one
python -m tests.checks house     figures: folders, floors, arrows that run up, lines, the walk of a value
python -m tests.checks trim      take out of leftovers.txt what is mended
"""

import sys
from pathlib import Path

from tests.checks.allowances import EXCEPTIONS, LEFTOVERS, judge, needed
from tests.checks.rules import RULES
from tests.checks.tree import Tree


def main(arguments: list[str]) -> int:
    """Parse, call, print."""
    tree = Tree(Path(__file__).parent.parent.parent)
    if arguments == ["house"]:
        from tests.checks.figures import figures  # it builds the graph of all imports

        print("\n".join(figures(tree)))
        return 0
    findings = [finding for rule in RULES for finding in rule(tree)]
    if arguments == ["trim"]:
        LEFTOVERS.write_text(needed(findings, LEFTOVERS.read_text()))
        return 0
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    lines = list(judge(findings, EXCEPTIONS.read_text(), LEFTOVERS.read_text()))
    print("\n".join(lines or [f"{len(RULES)} rules of the house hold"]))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
