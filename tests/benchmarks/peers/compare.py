"""`peers_1m`: the same work on other simulators: 1M agents, about 10 contacts a day, 100 days, most of them infected.

`python tests/benchmarks/peers/compare.py --install` makes an environment for each under build/peers, runs and prints
the table. The benchmark of the same name takes the environments that are there, and says which are not. Times are of
the run alone, without import and set-up. Diseases differ in detail, and covasim's is its own; every row shows the
attack, so that nobody is compared with an epidemic that never was.
"""

import json
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[2])]

from measure import Row, peak_mib  # noqa: E402 - its folder is on the path only from here on

BUILD = HERE.parents[2] / "build" / "peers"
PINNED = {"starsim": "3.7.0", "covasim": "4.0.0", "epiworldpy": "0.17.0.post2"}
RUNS = [("starsim", "static"), ("starsim", "dynamic"), ("covasim", "static"), ("epiworldpy", "")]
AGENTS = 1_000_000
PATIENCE_S = 1_800


def python_of(peer):
    """Return the interpreter of a peer's environment."""
    return BUILD / peer / "bin" / "python"


def install(peer):
    """Make a fresh environment with the pinned version; say what went wrong, or nothing."""
    venv.create(BUILD / peer, with_pip=True, clear=True)
    command = [python_of(peer), "-m", "pip", "install", "--quiet", f"{peer}=={PINNED[peer]}"]
    done = subprocess.run(command, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def measured(peer, kind, n):
    """Return what a peer's script printed, or why it printed nothing."""
    if not python_of(peer).exists():
        return {"why": "not installed; run tests/benchmarks/peers/compare.py --install"}
    command = [python_of(peer), HERE / f"run_{peer}.py", str(n), *([kind] if kind else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return {"why": f"took more than {PATIENCE_S} s"}
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"]
        return {"why": said[-1][:120]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def ours(n):
    """Return our seconds and attack: exact, on 2 threads, draws included."""
    from bench_engine import makers, timed, warm

    from tests.random_graph import random_graph

    make = makers()["graph_8m"]
    warm(make)
    graph = random_graph(n, mean_degree=10, seed=1)
    taken, agents = min((timed(lambda: make(graph)) for _ in range(3)), key=lambda each: each[0])
    return taken, 1 - agents.tally()[0] / n


def peers_1m(scale=1.0):
    """Return a row for each peer that is installed, and one for the fastest."""
    n = round(AGENTS * scale)
    own, attack = ours(n)
    own_mib = peak_mib()
    rows, times = [], {}
    for peer, kind in RUNS:
        name = f"peers_1m_{peer}_{kind}".rstrip("_")
        found = measured(peer, kind, n)
        if "why" in found:
            rows.append(Row(name, 0.0, "s", f"{peer} {PINNED[peer]}: {found['why']}", 0.0))
            continue
        times[name] = found["seconds"]
        against = f"ours, {own:.2f} s: its attack {found['attack']:.0%}, ours {attack:.0%}; {peer} {found['version']}"
        rows.append(Row(name, found["seconds"], "s", against, found["seconds"] / own, found["peak_mib"]))
    if not times:
        return [*rows, Row("peers_1m", own, "s", "no peer is installed", 0.0, own_mib)]
    fastest = min(times, key=times.get)
    return [*rows, Row("peers_1m", own, "s", f"{fastest}, {times[fastest]:.2f} s", own / times[fastest], own_mib)]


def main():
    """Install if asked, run, print."""
    if "--install" in sys.argv[1:]:
        for peer, version in PINNED.items():
            if why := install(peer):
                print(f"{peer} {version} did not install: {why}", file=sys.stderr)
    for row in peers_1m():
        print(f"{row.name:28} {row.value:9.3f} {row.unit:3} {row.ratio:8.3f}  {row.peak_mib:7.0f} MiB  {row.against}")


if __name__ == "__main__":
    main()
