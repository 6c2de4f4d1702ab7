"""Apply each listed mistake to a copy of the source, and run the tests that must notice it.

    python -m tests.mutants [LIST.toml ...] [-k WORDS]

Exit code 1 if a mutant lives, or cannot be applied.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SOURCE = ("protocols", "aggregator", "client_sdk", "lpm_secure", "tests", "pyproject.toml")


def outcome(mutant: dict[str, str], tests: list[str], copy: Path) -> str:
    """Return what becomes of one mutant in a copy of the source, which is as before afterwards."""
    path = copy / mutant["file"]
    before = path.read_text(encoding="utf-8")
    if before.count(mutant["old"]) != 1:
        return f"CANNOT BE APPLIED: the text stands {before.count(mutant['old'])} times"
    path.write_text(before.replace(mutant["old"], mutant["new"]), encoding="utf-8")
    try:
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
        ran = subprocess.run(
            command, cwd=copy, env=os.environ | {"PYTHONPATH": str(copy)}, capture_output=True, text=True
        )
    finally:
        path.write_text(before, encoding="utf-8")
    if ran.returncode not in (0, 1):
        return f"CANNOT BE TESTED: {ran.stdout.strip().splitlines()[-1:]}"
    failures = [
        line.removeprefix("FAILED ") for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))
    ]
    return "killed by " + failures[0] if ran.returncode else "LIVES"


def main() -> int:
    """Run, and print one line for each mutant."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("lists", nargs="*", type=Path, default=sorted(HERE.glob("*.toml")))
    parser.add_argument("-k", default="", help="only mutants with these words in their name")
    arguments = parser.parse_args()
    living = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in SOURCE:
            whole = ROOT / name
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(whole, copy / name, ignore=ignore) if whole.is_dir() else shutil.copy(whole, copy / name)
        for each in arguments.lists:
            content = tomllib.loads(each.read_text(encoding="utf-8"))
            for mutant in (m for m in content["mutant"] if arguments.k in m["name"]):
                result = outcome(mutant, content["tests"], copy)
                living += not result.startswith("killed")
                print(f"{mutant['name']}: {result}", flush=True)
    return min(living, 1)


if __name__ == "__main__":
    sys.exit(main())
