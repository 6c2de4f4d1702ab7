"""The secret permutation: what devices say reaches whom they met, and no server sees an edge."""
