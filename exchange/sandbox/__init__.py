"""A sandbox airline: a partner that speaks the real contract, for demos and for partners' own tests.

It knows nothing of the platform but what a partner knows, and keeps a ledger of its own to compare with.
"""
