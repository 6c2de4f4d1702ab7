"""The secret permutation: what devices say reaches whom they met, and no server sees an edge.

`stages` is its arithmetic, `setup` and `step` are what three servers do over a `channel`, `server` is one of them in a
session, `worker` the same over TLS, `delivery` what an aggregator asks of it.
"""
