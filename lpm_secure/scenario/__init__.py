"""Scenarios from Python: built of a model, people and parameters, run over many seeds, compared, and shown.

`simulation` is where a program begins; `ensemble` computes its seeds, `result` and `comparison` hold what came of them.
"""
