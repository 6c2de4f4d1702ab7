"""`lpm check-model` of a file that is broken, or hostile: one line, exit code 2, and never a traceback."""

import sys

import pytest

from lpm_secure.cli.main import main

HEAD = "import lpm_secure as lpm\n\n\nclass Model(lpm.Model):\n    x = lpm.field(0, 1)\n"
BEGIN = "    def begin(self, me, draw):\n        return me.set(x=0)\n"
UPDATE = BEGIN + "    def update(self, me, heard, draw):\n"
FILES = {
    "no_python": ("class Model(:\n", "no_python.py:1: the import of no_python raises SyntaxError"),
    "no_text": ("x = '\udcff'\n", "SyntaxError"),
    "raises_at_once": ("import os\n\n1 / 0\n", "raises_at_once.py:3: the import of raises_at_once raises ZeroDivision"),
    "leaves_well": ("import sys\n\nsys.exit(0)\n", "leaves_well.py:3: the import of leaves_well raises SystemExit"),
    "of_another_tree": ("class E(BaseException):\n    pass\n\n\nraise E\n", "raises E"),
    "writes_lines": ("raise ValueError('a\\nb\\x1b[2J' * 999)\n", "ValueError: a b [2Ja b"),
    "has_no_words": ("class E(Exception):\n    def __str__(self):\n        1 / 0\n\n\nraise E\n", "without words"),
    "needs_another": ("import gone.away\n", "there is no gone"),
    "declares_twice": (HEAD + "    y = x\n", "declares_twice.py:4: x is declared again as y"),
    "takes_the_path": ("import sys\n\nsys.path.clear()\n", "is no lpm.Model"),
    "divides": (HEAD + UPDATE + "        return 1 / 0\n", "divides.py:9: the model raises ZeroDivisionError"),
    "returns_itself": (HEAD + UPDATE + "        return self.update(me, heard, draw)\n", "raises RecursionError"),
    "leaves": (HEAD + UPDATE + "        raise SystemExit\n", "leaves.py:9: the model raises SystemExit"),
    "declares_nothing": (HEAD + "    z = lpm.field()\n" + UPDATE + "        return me\n", "nothing.py:6: the import"),
    "divides_below": (
        HEAD + UPDATE + "        return self.y()\n    def y(self):\n        1 / 0\n",
        "divides_below.py:11: the model raises ZeroDivisionError",
    ),
    "cannot_be_made": (HEAD + "    def __init__(self):\n        self.x.y\n", "cannot_be_made.py:7: the model raises"),
    "adds_up_nothing": (
        HEAD + "    z = lpm.outcome({1: 2})\n" + UPDATE + "        return me\n",
        "an outcome adds up messages",
    ),
    "asks_no_channel": (
        HEAD + UPDATE + "        return me.set(x=me.x > heard.size)\n",
        "heard.size without a [channel] is no number of a model",
    ),
    "says_nothing": (
        HEAD + UPDATE + "        return me\n    def says(self, me):\n        return None\n",
        "says returned NoneType",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_broken_or_hostile_file_is_one_line(name, tmp_path, monkeypatch, capsys):
    text, words = FILES[name]
    (tmp_path / f"{name}.py").write_text(text, errors="surrogateescape")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", ["lpm", "check-model", f"{name}:Model"])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert words in printed.err
    assert printed.err.count("\n") == 1
    assert printed.err[:-1].isprintable()
    assert len(printed.err) < 500


@pytest.mark.parametrize("name", ["", ":", ".:Model", "..x:Model", "a\0b:Model", "x/y.py", "json:loads", "x:y:z"])
def test_a_name_that_is_no_models_is_one_line(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["lpm", "check-model", name])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
