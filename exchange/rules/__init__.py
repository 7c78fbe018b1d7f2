"""Pure functions: no ORM, no clock, no chance of their own."""
