"""Apply each listed mistake to a copy of the source, and run the tests that must notice it.

    python -m tests.mutants [LIST.toml ...] [-k WORDS] [--into FOLDER]

Tests that killed a mutant before come first, then files of tests by how much they speak of it. Exit code 1 if a mutant
lives, or cannot be applied. With a folder for results, mutants that were killed there are played again only where they
or the file that they change is another; where tests became fewer or weaker, name another folder.
"""

import argparse
import json
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Final

from tests.mutants.order import files_in_order
from tests.mutants.trial import KILLED, LIVES, Trial

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
SOURCE: Final = ("protocols", "aggregator", "client_sdk", "lpm_secure", "tests", "pyproject.toml")
FEW: Final = 4  # files of tests that run together before the others are read
Mutant = dict[str, str]


def outcome(mutant: Mutant, tests: list[str], trial: Trial, killer: str) -> str:
    """Return what becomes of one mutant in a copy of the source, which is as before afterwards."""
    path = trial.folder / mutant["file"]
    before, options = path.read_text(encoding="utf-8"), [each for each in tests if not (trial.folder / each).exists()]
    if before.count(mutant["old"]) != 1:
        return f"CANNOT BE APPLIED: the text stands {before.count(mutant['old'])} times"
    trial.write(path, before.replace(mutant["old"], mutant["new"]))
    try:
        files = files_in_order(mutant, [each for each in tests if each not in options], trial.folder)
        for some in ([killer] if killer else [], files[:FEW], files[FEW:]):
            result = trial.play(some, options) if some else LIVES
            if result != LIVES:
                break
        return result
    finally:
        trial.write(path, before)


def main() -> int:
    """Run, and print one line for each mutant."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("lists", nargs="*", type=Path, default=sorted(HERE.glob("*.toml")))
    parser.add_argument("-k", default="", help="only mutants with these words in their name")
    parser.add_argument("--into", type=Path, help="keep results in this folder, and go on from those that it has")
    arguments = parser.parse_args()
    living = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.into or Path(temporary)
        trial = Trial(Path(temporary) / "copy")
        trial.folder.mkdir()
        for name in SOURCE:
            whole, ignore = ROOT / name, shutil.ignore_patterns("__pycache__")
            to = trial.folder / name
            shutil.copytree(whole, to, ignore=ignore) if whole.is_dir() else shutil.copy(whole, to)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "results.json"
        results: dict[str, tuple[str, str]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        for each in arguments.lists:
            content = tomllib.loads(each.read_text(encoding="utf-8"))
            for mutant in (m for m in content["mutant"] if arguments.k in m["name"]):
                digest, name = trial.digest(mutant), f"{each.stem}: {mutant['name']}"
                known, before = results.get(name, ("", ""))
                if known != digest or not before.startswith(KILLED):
                    before = outcome(mutant, content["tests"], trial, trial.killer(before))
                    results[name] = digest, before
                    path.write_text(json.dumps(results, indent=1), encoding="utf-8")
                living += not before.startswith(KILLED)
                print(f"{mutant['name']}: {before}", flush=True)
    return min(living, 1)


if __name__ == "__main__":
    sys.exit(main())
