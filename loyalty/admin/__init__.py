"""The back office: what brand staff and the house see, a module a room."""
