"""The servers of the masked backend: what both aggregators hold is masked by pads that the dealer expands."""
