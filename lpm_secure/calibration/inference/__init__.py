"""The posterior and its fit."""
