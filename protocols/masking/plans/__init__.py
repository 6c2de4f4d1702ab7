"""What a run's manifest demands of each message, whatever the run computes, and of sums; who took part in it."""
