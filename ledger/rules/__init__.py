"""Pure functions: no ORM, no clock."""
