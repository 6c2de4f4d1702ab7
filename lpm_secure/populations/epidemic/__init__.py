"""The epidemic of a city by age: the table `[disease]`, its interventions, and where it passes on."""
