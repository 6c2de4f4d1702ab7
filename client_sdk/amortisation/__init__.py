"""An institution's part of an amortised posterior: features, encoder, training."""
