"""Models: how an author writes one, how it becomes a graph, and a library that has no privilege of its own."""
