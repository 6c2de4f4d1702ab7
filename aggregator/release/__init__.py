"""What aggregators open: sums with noise, in the ledger first."""
