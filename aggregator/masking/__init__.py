"""The servers of the padded backend: what both aggregators hold is masked by pads that the dealer expands."""
