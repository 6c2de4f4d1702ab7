"""An active run at a server: whom it waits for and how long, and what it answers to whom."""
