"""Spring 2020 in New York by the literature alone, held against what was reported: a first look, and no fit."""
