"""What an aggregator of this build sees, in whole runs in this process, and what broken sharings would show it."""
