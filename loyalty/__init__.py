"""The project: how it is wired, and every HTTP edge."""
