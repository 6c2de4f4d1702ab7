"""A round at one aggregator: shares come in and members are decided (`round`), sums are made (`sums`, `vectors`)."""
