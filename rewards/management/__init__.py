"""Commands of rewards."""
