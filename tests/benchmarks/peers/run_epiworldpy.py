"""epiworldpy: an SEIR on a random graph of mean degree 10. Prints seconds of the run, attack and peak memory."""

import importlib.metadata
import json
import resource
import sys
import time

import numpy as np
from epiworldpy import epimodels


def main(n):
    """Run 100 days."""
    model = epimodels.ModelSEIR("virus", 0.001, 0.035, 2.0, 0.2)
    ends = np.random.default_rng(1).integers(n, size=(2, 5 * n))  # its small world takes minutes to rewire
    ends = ends[:, ends[0] != ends[1]]
    model.agents_from_edgelist(ends[0].tolist(), ends[1].tolist(), n, False)
    model.verbose_off()
    started = time.perf_counter()
    model.run(100, 1)
    taken = time.perf_counter() - started
    names = list(model.get_states())
    left = sum(1 for state in model.get_agents_states() if state in (names[0], 0))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    version = importlib.metadata.version("epiworldpy")
    print(json.dumps({"seconds": taken, "attack": 1 - left / n, "peak_mib": peak, "version": version}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
