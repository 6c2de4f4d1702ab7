"""Pages that show the runs of a folder, and what one operator's aggregator does, while they go on: `lpm serve`."""
