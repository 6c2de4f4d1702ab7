"""Machine code that is kept on disk is that of the code which it was compiled from."""

import ast
import importlib
import inspect

from lpm_secure.engine.backends import numba_backend
from lpm_secure.engine.backends.numba_backend import MODULES, load, stamp
from lpm_secure.engine.backends.source import HEAD
from lpm_secure.engine.backends.step_source import KERNEL_IMPORTS
from lpm_secure.engine.kernels import blocks, draws

TEXT = '"""Generated."""\n\n\ndef loop():\n    """Do nothing."""\n'
TYPES = {"protocols.arithmetic.fixed_point"}  # names of types alone


def imports_of(text):
    """Return our own modules that a module's text imports."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module.startswith(("lpm_secure", "protocols")):
            for alias in node.names:
                try:
                    names.add(importlib.import_module(f"{node.module}.{alias.name}").__name__)
                except ModuleNotFoundError:
                    names.add(node.module)
    return names - TYPES


def test_a_loop_is_compiled_anew_when_anything_in_its_machine_code_changes(tmp_path, monkeypatch):
    before = stamp([b"draws", b"philox"])
    assert stamp([b"draws", b"philox"]) == before
    assert stamp([b"draw", b"sphilox"]) != before
    first = load(TEXT, before, tmp_path)
    assert load(TEXT, before, tmp_path).__name__ == first.__name__
    assert load(TEXT, stamp([b"draws", b"PHILOX"]), tmp_path).__name__ != first.__name__
    monkeypatch.setattr(numba_backend.numba, "__version__", "another")
    assert stamp([b"draws", b"philox"]) != before


def test_all_that_a_loop_imports_is_in_its_stamp():
    texts = HEAD, KERNEL_IMPORTS, *(inspect.getsource(module) for module in (blocks, draws))
    assert set().union(*map(imports_of, texts)) == {module.__name__ for module in MODULES}


def test_a_file_in_the_cache_that_was_changed_is_written_anew(tmp_path):
    loop = load(TEXT, "stamp", tmp_path)
    (path,) = tmp_path.glob("*.py")
    path.write_text("raise SystemExit")
    assert load(TEXT, "stamp", tmp_path).__name__ == loop.__name__
    assert "raise" not in path.read_text()
