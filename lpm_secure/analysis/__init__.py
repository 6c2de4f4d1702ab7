"""Questions asked of runs: sensitivity, risk, comparison with reported series."""
