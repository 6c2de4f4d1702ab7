"""Whether two clients list the same contacts between their agents, found out before the first step."""
