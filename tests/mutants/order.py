"""In which order files of tests are shown a mistake: those that speak of it come first."""

import re
from collections import Counter
from pathlib import Path
from typing import Final

SHORTEST: Final = 4  # letters of a word that says something


def files_in_order(mutant: dict[str, str], tests: list[str], root: Path) -> list[str]:
    """Return all files of a list's tests: the mirror of the changed file, then those with the mutant's rarest words.

    Args:
        mutant: its name, its file, and the text that it changes.
        tests: files and folders, as a list names them.
        root: of the source.
    """
    files = [file for each in tests for file in _files(root / each)]
    words = {file: _words(file.read_text(encoding="utf-8")) for file in dict.fromkeys(files)}
    common = Counter(word for each in words.values() for word in each)
    changed = Path(mutant["file"])
    mirror = root / "tests" / "unit" / changed.with_name(f"test_{changed.name}")
    wanted = _words(f"{mutant['name']} {mutant['old']} {changed.stem}")

    def worth(file: Path) -> tuple[bool, float]:
        return file == mirror, sum(1 / common[word] for word in wanted & words[file])

    return [str(file.relative_to(root)) for file in sorted(words, key=worth, reverse=True)]


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("test_*.py"))


def _words(text: str) -> set[str]:
    return {word.removesuffix("s") for word in re.findall(r"[a-z]+", text.lower()) if len(word) >= SHORTEST}
