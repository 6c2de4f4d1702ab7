"""An agent's local chain: its states, enumerated from a model's graph, with the laws by which it moves among them."""
