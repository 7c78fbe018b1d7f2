"""The verbs of the users app."""
