"""How partners are spoken to: one small interface, a folder for each way of speaking."""
