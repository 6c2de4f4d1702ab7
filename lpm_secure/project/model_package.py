"""A first package of a model's author: a model, its configuration and its test, to be written over."""

import importlib.util
import keyword
import re
from pathlib import Path
from typing import Final

from protocols.errors import ParameterError

PATTERN: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
INIT: Final = '''"""A model of agents and what they tell each other."""
'''
MODEL: Final = '''"""People pass a rumour on once they have heard it from enough of those they meet."""

import lpm_secure as lpm


class CLASS(lpm.Model):
    """Some know it at first; who hears it for longer than its private patience tells it from then on."""

    mind = lpm.stage("UNAWARE", "AWARE")  # its counts are the series of a run
    patience = lpm.field(0, 400)  # a number of the state; every update is proved to stay in the range
    start = lpm.parameter(0.05, unit=lpm.PROBABILITY)  # a public number, which a configuration may set
    talk = lpm.message(most=1)  # what agents tell whom they meet
    heard_enough = lpm.outcome(talk, above=patience)  # all that an agent's holder learns: one bit

    def begin(self, me, draw):
        """Return the first state; each draw has a purpose of its own."""
        knows = draw.happens(self.start, "start")
        return me.set(mind=lpm.where(knows, "AWARE", "UNAWARE"), patience=draw.uniform(0, 401, "patience"))

    def says(self, me):
        """Return a message for each channel."""
        return {self.talk: me.mind == "AWARE"}

    def update(self, me, heard, draw):
        """Return the next state."""
        return me.set(mind=lpm.where(heard[self.heard_enough], "AWARE", me.mind))
'''
RUN: Final = """# Run it from the folder that holds NAME/: lpm run NAME/run.toml

name = "RUNNAME"
seed = 1
steps = 20
model = "NAME.model:CLASS"

[parameters]             # in their author's units; what is not named is as the model has it
start = 0.05

[private]
dataset = "look_alike"   # generated contacts of 217 people; or "workplace_invs15", which are measured
clients = "group"        # each department is a client

[protocol]
mode = "outcome"         # a client learns a bit for each agent and step
min_cohort = 5
"""
TEST: Final = '''"""The model is sound, all engines compute the same bits, and a rumour spreads in a clear run."""

from pathlib import Path

import lpm_secure as lpm
from lpm_secure.testbed.model_check import check_model
from NAME.model import CLASS

HERE = Path(__file__).parent


def test_the_model_is_proved_and_all_engines_agree():
    assert check_model(CLASS, agents=200, steps=10).differences == {}


def test_a_rumour_is_never_forgotten(monkeypatch):
    monkeypatch.chdir(HERE.parent)  # where the configuration's model is found
    series = lpm.simulate_clear(lpm.load_config(HERE / "run.toml", lpm.Config), device="cpu")
    aware = series.of("private", series.names.index("AWARE"))
    assert (aware[1:] >= aware[:-1]).all()
    assert aware[-1] > aware[0] > 0
'''
README: Final = """# NAME

A model for `lpm-secure`: `model.py` says what agents are, what they tell each other, and how they change. It becomes
data, which travels in a run's manifest: no client and no server runs this code.

```sh
lpm check-model NAME.model:CLASS   # what it is and tells, and the same bits on every engine
python -m pytest NAME --lpm-model=NAME.model:CLASS   # its tests, and those that hold for every model
lpm run NAME/run.toml              # a private run, as processes of this machine, and its replay in the clear
```

Call them from the folder that holds `NAME/`.
"""
FILES: Final = {"__init__.py": INIT, "model.py": MODEL, "run.toml": RUN, "test_model.py": TEST, "README.md": README}


def write_package(name: str, folder: Path) -> tuple[str, ...]:
    """Write a small package of a model, its configuration and its test, and return the commands to go on with.

    Args:
        name: of the package, and of its folder.
        folder: in which it is made.

    Raises:
        ParameterError: it is no name of a package, or something has it.
    """
    if not PATTERN.fullmatch(name) or keyword.iskeyword(name):
        raise ParameterError(f"got {name!r} for a package; use up to 40 of a-z, 0-9 and _, a letter first, no keyword")
    package = folder / name
    if package.exists():
        raise ParameterError(f"{package} is there already, and stays as it is; give another name")
    if importlib.util.find_spec(name) is not None:
        raise ParameterError(f"there is a Python package {name} already, which this one would hide; give another name")
    kind = "".join(part.capitalize() for part in name.split("_"))
    package.mkdir()
    words = {"RUNNAME": name.replace("_", "-").rstrip("-"), "NAME": name, "CLASS": kind}
    for file, template in FILES.items():
        content = re.sub("RUNNAME|NAME|CLASS", lambda word: words[word[0]], template)
        (package / file).write_text(content, encoding="utf-8")
    return (f"lpm check-model {name}.model:{kind}", f"python -m pytest {name}", f"lpm run {name}/run.toml")
