"""starsim: an SIR on a static or daily redrawn random network. Prints seconds of the run, attack and peak memory."""

import json
import resource
import sys
import time

import starsim as ss


def main(n, kind):
    """Run 100 days."""
    contacts = ss.constant(10)
    network = ss.RandomNet(n_contacts=contacts, dur=0) if kind == "dynamic" else ss.StaticNet(n_contacts=10)
    disease = ss.SIR(
        beta=ss.perday(0.045 if kind == "static" else 0.04),
        init_prev=ss.bernoulli(0.001),
        dur_inf=ss.constant(ss.days(5)),
        p_death=ss.bernoulli(0),
    )
    sim = ss.Sim(
        n_agents=n,
        networks=network,
        diseases=disease,
        start=ss.days(0),
        dur=ss.days(100),
        dt=ss.days(1),
        verbose=0,
    )
    sim.init()
    started = time.perf_counter()
    sim.run()
    taken = time.perf_counter() - started
    attack = 1 - float(sim.diseases[0].susceptible.sum()) / n
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": taken, "attack": attack, "peak_mib": peak, "version": ss.__version__}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
