"""`make bench BASE=COMMIT`: the working tree against another commit, in turn, by CPU time.

`python tests/benchmarks/base.py COMMIT [NAME ...]` checks the commit out below build/. Each side runs its own
`tests/benchmarks`, so its modules may stand elsewhere, each time as a process of its own: once to warm up, then in
pairs. CPU time is user and system seconds, which a busy machine changes less than the clock's: `steps` of what a
benchmark measures, in all processes, where both sides tell it (`cpu_s` of a row); `whole` of the benchmark's process
and all that it started, imports included. Prints the ratio of medians, here over base, and the lowest and the highest
ratio of a pair; writes build/bench_base.json. Beside other work, one commit differs from itself by a fifth in a pair
and by a twentieth in the median: measure on a quiet machine.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "build" / "bench_base.json"
NAMES = ("step_12", "outcome_workplace", "graph_8m", "city_180d", "tangent_p8")
PAIRS = 5
WHERE = "import lpm_secure; print(lpm_secure.__file__)"


class BenchmarkFailed(Exception):
    """A side cannot be measured."""


def git(*arguments):
    """Return what git prints."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise BenchmarkFailed(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def checked_out(commit):
    """Return a folder with the commit's files, made where it is not there yet."""
    folder = ROOT / "build" / "base" / commit[:12]
    if not folder.exists():
        git("worktree", "prune")
        git("worktree", "add", "--detach", str(folder), commit)
    return folder


def environment(side):
    """Return a process' environment in which a side's own modules are found, and the data of this tree."""
    beside = ROOT.parent / "shared" / "data"
    data = {"LPM_DATA": str(beside)} if beside.is_dir() and "LPM_DATA" not in os.environ else {}
    return os.environ | data | {"PYTHONPATH": str(side)}


def require_own_modules(side):
    """Refuse a side that would measure modules from elsewhere."""
    command = [sys.executable, "-c", WHERE]
    done = subprocess.run(command, cwd=side, env=environment(side), capture_output=True, text=True)
    if done.returncode or not Path(done.stdout.strip()).is_relative_to(side):
        shown = done.stdout.strip() or done.stderr.strip()
        raise BenchmarkFailed(f"{side} does not import its own lpm_secure: {shown}")


def children_s():
    """Return the CPU seconds of all children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(side, name):
    """Run a side's benchmark, and return its CPU seconds by figure."""
    before = children_s()
    command = [sys.executable, "tests/benchmarks", name]
    done = subprocess.run(command, cwd=side, env=environment(side), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise BenchmarkFailed(f"{name} of {side} failed:\n{done.stdout.decode(errors='replace')}")
    rows = json.loads((side / "build" / "bench.json").read_text())
    steps = {row["name"]: row["cpu_s"] for row in rows if row["name"].startswith(name) and row.get("cpu_s")}
    return {f"{row} steps": cpu_s for row, cpu_s in steps.items()} | {f"{name} whole": children_s() - before}


def compared(sides, name):
    """Yield a result for each figure that both sides tell."""
    for side in sides.values():
        measured(side, name)  # compiles, and builds populations
    taken = {label: [] for label in sides}
    for pair in range(PAIRS):
        for label in sorted(sides, reverse=bool(pair % 2)):
            taken[label].append(measured(sides[label], name))
        print(f"{name}: pair {pair + 1} of {PAIRS}", file=sys.stderr)
    for figure in taken["here"][0]:
        if not all(figure in each for runs in taken.values() for each in runs):
            continue
        base, here = ([each[figure] for each in taken[label]] for label in ("base", "here"))
        pairs = [b / a for a, b in zip(base, here, strict=True)]
        yield {
            "name": figure,
            "base_s": base,
            "here_s": here,
            "ratio": statistics.median(here) / statistics.median(base),
            "lowest": min(pairs),
            "highest": max(pairs),
        }


def show(results, commit):
    """Print the table."""
    table = Table("CPU time of", f"{commit[:12]}, s", "here, s", "ratio of medians", "pairs", box=None)
    for each in results:
        base, here = (statistics.median(each[side]) for side in ("base_s", "here_s"))
        spread = f"{each['lowest']:.3f} to {each['highest']:.3f}"
        table.add_row(each["name"], f"{base:.4g}", f"{here:.4g}", f"{each['ratio']:.3f}", spread)
    Console(width=120).print(table)


def main():
    """Compare; a benchmark that fails takes nothing from the others."""
    if len(sys.argv) < 2:
        print("bench: name a commit: make bench BASE=main", file=sys.stderr)
        return 2
    results, failed = [], []
    try:
        commit = git("rev-parse", "--verify", f"{sys.argv[1]}^{{commit}}")
        sides = {"base": checked_out(commit), "here": ROOT}
        for side in sides.values():
            require_own_modules(side)
    except BenchmarkFailed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    for name in sys.argv[2:] or NAMES:
        try:
            results += compared(sides, name)
        except BenchmarkFailed as error:
            print(f"bench: {error}", file=sys.stderr)
            failed.append(name)
        here = git("describe", "--always", "--dirty", "--abbrev=40")
        OUTPUT.write_text(
            json.dumps({"base": commit, "here": here, "cores": os.cpu_count(), "results": results}, indent=2)
        )
    show(results, commit)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
