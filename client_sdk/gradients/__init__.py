"""Clients of runs that take derivatives.

`tangents` go forward, `adjoints` backward with a `journal` of the forward pass; `participant` starts the client that a
manifest asks for.
"""
