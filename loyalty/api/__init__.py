"""What the APIs share, and the APIs themselves."""
