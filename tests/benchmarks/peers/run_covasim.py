"""covasim: its own course of disease on a static random network. Prints seconds of the run, attack and peak memory."""

import json
import resource
import sys
import time

import covasim as cv


def main(n, kind):
    """Run 100 days."""
    sim = cv.Sim(
        pop_size=n,
        pop_type="random",
        contacts={"a": 10},
        dynam_layer={"a": int(kind == "dynamic")},
        n_days=100,
        pop_infected=n // 1_000,
        beta=0.03,
        rescale=False,
        verbose=0,
    )
    sim.initialize()
    started = time.perf_counter()
    sim.run()
    taken = time.perf_counter() - started
    attack = float(sim.summary["cum_infections"]) / n
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": taken, "attack": attack, "peak_mib": peak, "version": cv.__version__}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
