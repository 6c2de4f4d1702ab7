"""Connections between the operators of a computation.

From the bottom: `tls` (who is at the other end), `links` (everything at once in both directions, with a deadline),
`frames` (the fixed forms that go over them), `listener` and `mesh_join` (how the parties find each other), `mesh`
(opening: every party's share goes to every other).
"""
