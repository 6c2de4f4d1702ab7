"""The table `[model]` of runs with tangents or adjoints: its parameters, and its relaxed dynamics."""
