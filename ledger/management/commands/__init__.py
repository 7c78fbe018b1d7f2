"""Commands of ledger."""
