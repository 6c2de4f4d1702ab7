"""Correlated randomness: what it is, who deals it, who fetches it.

`correlations` says what it is, and how parties expand it from keys; `dealer` is the operator that deals it and sees no
input; `dealer_client` is how a party fetches it ahead of the step.
"""
