"""What aggregators compute on shares: comparison, validity, suppression, scores."""
