"""Local deployments of simulated clients."""
