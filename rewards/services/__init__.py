"""The verbs of the rewards app."""
