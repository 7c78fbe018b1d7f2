"""What the Retail API answers: one structure for each shape, and how it is made.

No two structures of the whole project share a name, for the OpenAPI document holds them all.
"""
