"""Estimators of a problem's derivatives: one abstract class, and one file for each way (docs/estimators.md)."""
