"""How good forecasts are, over many origins: baselines, scores, a combination, and the table that compares them."""
