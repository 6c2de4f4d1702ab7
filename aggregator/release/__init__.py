"""What the aggregators release: sums with noise, in the ledger first.

Each adds its own noise in full (`noise`, `sum_noise`) and writes its `ledger` before it tells anybody; `group_testing`
traces who sent words out of range in a secure sum.
"""
