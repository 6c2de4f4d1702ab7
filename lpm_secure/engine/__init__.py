"""The engine: simulates synthetic agents, and in a clear run everybody."""
