"""One forecast of several methods, by weights and widths that the past has taught."""
