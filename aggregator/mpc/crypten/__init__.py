"""CrypTen, made to draw, talk and multiply our way.

`compatibility` imports it, `provider` gives it the dealer's Beaver triples, `hardening` replaces its generators and its
communicator. Nothing else in the project imports CrypTen.
"""
