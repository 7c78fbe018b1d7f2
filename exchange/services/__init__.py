"""The verbs of the exchange app."""
