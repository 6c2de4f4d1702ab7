"""What aggregators of this build see in small runs of two worlds, and sharings that are known to be bad.

`world` holds what is private, `in_process` runs all parties, `ideal` stands in for joint computations, `recording`
notes every message under coins that it chooses, `statistic` asks whether words are fair coins, `check` puts these
together.
"""
