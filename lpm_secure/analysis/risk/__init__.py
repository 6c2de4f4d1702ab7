"""Personal contact risk: each device learns its own, and the health authority a noised distribution."""
