"""What ensembles yield: series and their quantiles, comparisons, plots, and folders of all these."""
