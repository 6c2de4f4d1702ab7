"""`rehearse_26`: what a run between 26 hospitals takes on one machine, as `lpm rehearse` says it.

1,300 made-up people, a week of days, exact releases, so that series over processes are held against the clear run's.
"""

import re
import tempfile
from pathlib import Path

from measure import Row, cpu_seconds

from lpm_secure.project.scaffold import write_project
from lpm_secure.rehearsal.job import rehearse
from lpm_secure.run.ingress import EACH_CLIENT
from tests.three_hospitals import make_active, make_exact

HOSPITALS, PEOPLE, STEPS = 26, 50, 7


def project(folder, *, active):
    """Write the project of 26 hospitals: that of `lpm project init`, with its sizes and without noise."""
    path = write_project("winter", folder)
    text = make_exact(path.read_text())
    text = re.sub(r"^steps = .*$", f"steps = {STEPS}", text, flags=re.M)
    text = text.replace('"ward 1" = 40', f'"ward 1" = {HOSPITALS * PEOPLE // 2}')
    text = text.replace('"ward 2" = 60', f'"ward 2" = {HOSPITALS * PEOPLE // 2}')
    text = make_active(text) if active else text
    clients = [f'[[clients]]\nname = "hospital-{n:02}"\nagents = {PEOPLE}\n' for n in range(1, HOSPITALS + 1)]
    path.write_text("\n".join([text[: text.index("[[clients]]")], *clients]))
    return path


def rehearse_26():
    """Return seconds and bytes of both kinds of security; a parity that does not hold is an error."""
    return [row for active in (False, True) for row in _rows(active)]


def _rows(active):
    how = "active" if active else "semi-honest"
    with tempfile.TemporaryDirectory() as folder:
        before = cpu_seconds()
        summary = rehearse(project(Path(folder), active=active), Path(folder) / "out")
        spent = cpu_seconds() - before
    assert summary.passed, summary.lines
    clear_s = summary.figures["seconds_per_step_in_the_clear"]
    for way, run in summary.figures["runs"].items():
        name, step_s = f"rehearse_26 {how}", run["step_s"]
        yield Row(f"{name}, step {way}", step_s, "s", "the clear run's", step_s / clear_s, cpu_s=spent)
        if run["start_s"]:
            yield Row(f"{name}, before and after the steps", run["start_s"], "s", "a step", run["start_s"] / step_s)
        for party, count in run["received"].items():
            against = count / run["received"][EACH_CLIENT]
            yield Row(f"{name}, received by {party}", count, "bytes a step", EACH_CLIENT, against)


BENCHMARKS = {"rehearse_26": rehearse_26}
