"""An amortised posterior: one encoder for every week."""
