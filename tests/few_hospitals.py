"""Configurations of calibrations of a few made-up hospitals of a small city."""

MODEL = """\
[model]
name = "compartments"
measure = "present"
immune = 0.2
lead = 5
knot = 2
[model.delays]
latent_days = 3.0
infectious_days = 5.0
event_days = 9.0
longest_days = 84
[model.priors]
reproduction = { median = 1.4, sd = 0.2 }
walk_sd = 0.15
prevalence = { median = 3e-4, sd = 0.8 }
rate = { median = 0.025, sd = 0.3 }
stay_days = { median = 9.0, sd = 0.2 }
[observation]
likelihood = "negative_binomial"
spread = 20.0
spread_sd = 1.0
size_sd = 0.5
share_sd = 0.3
"""
FEW = f"""
name = "few"
seed = 2
[data]
simulated = 6
fit_periods = 6
forecast_periods = 3
{MODEL}[fit]
rounds = 8
draws = 2
"""
