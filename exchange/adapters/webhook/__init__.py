"""A brand that keeps its own ledger: it is told of each exchange by a webhook, and its status code is the answer."""
