"""Who: brands, staff, API keys, members, memberships; and how they are reached."""
