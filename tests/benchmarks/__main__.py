"""Run the benchmarks: `python tests/benchmarks [NAME]`. Prints a table and writes build/bench.json.

Every benchmark runs in a process of its own, so that its peak memory is its own, and yields ratios measured in one run.
"""

import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
from measure import Row, peak_mib
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
OUTPUT = ROOT / "build" / "bench.json"
sys.path.append(str(ROOT))  # some benchmarks measure what tests have built


def benchmarks():
    """Return the module of every benchmark by its name: each `bench_*.py` lists its own."""
    modules = [importlib.import_module(path.stem) for path in sorted(HERE.glob("bench_*.py"))]
    return {name: module.__name__ for module in modules for name in module.BENCHMARKS}


def machine():
    """Say what the figures were measured on."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def run_one(module, name, output):
    """Run one benchmark in this process, and leave its rows in a file."""
    found = importlib.import_module(module).BENCHMARKS[name]()
    rows = msgspec.convert(msgspec.to_builtins(found), list[Row])
    for row in rows:
        row.machine = machine()
        row.peak_mib = row.peak_mib or peak_mib()
    Path(output).write_bytes(msgspec.json.encode(rows))


def run_all(chosen):
    """Run benchmarks one after the other; yield each one's name and rows, None where it failed."""
    for name, module in chosen.items():
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "rows.json"
            ended = subprocess.run([sys.executable, str(HERE), "--one", module, name, str(output)])
            yield name, None if ended.returncode else msgspec.json.decode(output.read_bytes(), type=list[Row])


def keep(rows):
    """Put rows into the file; those of other names stay."""
    OUTPUT.parent.mkdir(exist_ok=True)
    old = json.loads(OUTPUT.read_text()) if OUTPUT.exists() else []
    new = [msgspec.to_builtins(row) for row in rows]
    kept = [row for row in old if row["name"] not in {each["name"] for each in new}]
    OUTPUT.write_bytes(msgspec.json.format(msgspec.json.encode(kept + new), indent=2))


def show(rows):
    """Print the table."""
    table = Table("name", "value", "unit", "against", "ratio", "peak MiB", box=None)
    for row in rows:
        table.add_row(row.name, f"{row.value:.4g}", row.unit, row.against, f"{row.ratio:.3g}", f"{row.peak_mib:.0f}")
    Console(width=160).print(table)


def main():
    """Parse, run, write, print; one that fails takes nothing from the others."""
    if sys.argv[1:2] == ["--one"]:
        run_one(*sys.argv[2:])
        return 0
    known = benchmarks()
    wanted = sys.argv[1:] or list(known)
    if unknown := set(wanted) - known.keys():
        print(f"bench: no benchmark {min(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    shown, failed = [], []
    for name, rows in run_all({name: known[name] for name in wanted}):
        print(f"{name} {'failed' if rows is None else 'done'}", file=sys.stderr)
        if rows is None:
            failed.append(name)
        else:
            keep(rows)
            shown += rows
    show(shown)
    if failed:
        print(f"bench: {', '.join(failed)} failed; see above", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
