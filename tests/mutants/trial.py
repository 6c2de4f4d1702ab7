"""A copy of the source in which mistakes are made, and tests that run there in processes forked from this one."""

import hashlib
import importlib
import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Final

import pytest

KILLED: Final = "killed by "
LIVES: Final = "LIVES"
HEAVY: Final = ("hypothesis", "msgspec", "numba", "numpy", "scipy.sparse")  # imported once for all of them
OPTIONS: Final = ["-q", "-x", "--no-header", "--timeout=120", "--hypothesis-profile=ci", "-p", "no:cacheprovider"]
ALREADY: Final = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # of what this process has imported


class InOrder:
    """A plugin of pytest that runs files as they are named, whatever else would order them."""

    def __init__(self, files: list[str]) -> None:
        """Take the files."""
        self._files = files

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        """Sort what was collected."""
        items.sort(key=lambda item: self._files.index(str(item.path.relative_to(config.rootpath))))


class Trial:
    """The copy.

    Attributes:
        folder: where it is.
    """

    def __init__(self, folder: Path) -> None:
        """Import what all tests need and no mistake is made in."""
        self.folder, self._writes = folder, 0
        for name in HEAVY:
            importlib.import_module(name)

    def write(self, path: Path, content: str) -> None:
        """Write a file of the copy; each time it is newer by a second, which is how compiled files are told apart."""
        self._writes += 1
        path.write_text(content, encoding="utf-8")
        os.utime(path, times=(time.time(), int(time.time()) + self._writes))

    def digest(self, mutant: dict[str, str]) -> str:
        """Return a hash of a mutant and of the file that it changes."""
        content = json.dumps(mutant, sort_keys=True).encode() + (self.folder / mutant["file"]).read_bytes()
        return hashlib.sha256(content).hexdigest()

    def killer(self, result: str) -> str:
        """Return the file of the test that killed a mutant before, or nothing."""
        name = result.removeprefix(KILLED).split("::")[0] if result.startswith(KILLED) else ""
        return name if (self.folder / name).is_file() else ""

    def play(self, files: list[str], options: list[str]) -> str:
        """Run files of tests in a process of their own until one fails, and return what comes of the mutant."""
        log = self.folder.parent / "log.txt"
        if threading.active_count() > 1:
            raise RuntimeError("a process with threads cannot be forked")
        if (process := os.fork()) == 0:
            self._run(files, options, log)
        _, status = os.waitpid(process, 0)
        lines, code = log.read_text(encoding="utf-8", errors="replace").splitlines(), os.waitstatus_to_exitcode(status)
        if code not in (0, 1):
            return f"CANNOT BE TESTED ({code}): {lines[-1:]}"
        failed = [line.split(" ", 1)[1] for line in lines if line.startswith(("FAILED ", "ERROR "))]
        return KILLED + failed[0] if code else LIVES

    def _run(self, files: list[str], options: list[str], log: Path) -> None:
        """Run files of tests in the copy, with the modules that it has; this process ends with it."""
        code = 3
        try:
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.chdir(self.folder)
            for name in [each for each in sys.modules if each.split(".")[0] == "tests"]:
                del sys.modules[name]
            sys.path.insert(0, str(self.folder))
            os.environ["PYTHONPATH"] = str(self.folder)
            code = int(pytest.main([*OPTIONS, *ALREADY, *options, *files], plugins=[InOrder(files)]))
        except BaseException:  # who reads the log is told
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
