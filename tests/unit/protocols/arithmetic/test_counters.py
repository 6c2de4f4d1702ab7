import subprocess
import sys

import pytest

SNIPPET = """
from protocols.arithmetic.counters import RoundNumber, Step, Stream
from protocols.arithmetic.sharing import Additive
from protocols.arithmetic.sharing.additive import keystream
from protocols.arithmetic.fixed_point import U64
from protocols.releases.mechanism import DiscreteGaussian
from protocols.task.rounds import Phase, Schedule

def use(x: U64, schedule: Schedule, step: Step, number: RoundNumber, day: int) -> None:
    {line}
"""
REFUSED = {
    "Additive(2).split(x, (b'',), round_number=step)": 'incompatible type "Step"; expected "RoundNumber"',
    "Additive(2).split(x, (b'',), round_number=day)": 'incompatible type "int"; expected "RoundNumber"',
    "Additive(2).expand(b'', round_number=step, out=x)": 'incompatible type "Step"; expected "RoundNumber"',
    "keystream(b'', nonce=step, out=x)": 'incompatible type "Step"; expected "RoundNumber | Stream"',
    "DiscreteGaussian(1.0).from_key(b'', 1, stream=step)": 'incompatible type "Step"; expected "Stream"',
    "schedule.number(number, Phase.SPEAK)": 'incompatible type "RoundNumber"; expected "Step"',
    "schedule.phase(step)": 'incompatible type "Step"; expected "RoundNumber"',
}
ALLOWED = (
    "Additive(2).split(x, (b'',), round_number=schedule.number(step, Phase.DECIDE))",
    "keystream(b'', nonce=number, out=x)",
    "schedule.phase(schedule.number(schedule.step(number), Phase.SPEAK))",
)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """What the project's type checker says of each line, in one run over a file for each."""
    folder = tmp_path_factory.mktemp("typed")
    for place, line in enumerate((*REFUSED, *ALLOWED)):
        (folder / f"line_{place}.py").write_text(SNIPPET.format(line=line))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *sorted(map(str, folder.glob("*.py")))],
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return {
        line: "\n".join(row for row in done.stdout.splitlines() if f"line_{place}.py" in row)
        for place, line in enumerate((*REFUSED, *ALLOWED))
    }


@pytest.mark.parametrize("line", REFUSED)
def test_the_type_checker_refuses_a_step_where_a_pad_is_bound_to_a_round(verdicts, line):
    assert REFUSED[line] in verdicts[line]


@pytest.mark.parametrize("line", ALLOWED)
def test_the_type_checker_takes_the_numbers_that_a_schedule_gives(verdicts, line):
    assert verdicts[line] == ""
