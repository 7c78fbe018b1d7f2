"""What the Partner API answers: the one place that knows both generations of its documents.

The older one names an airline `exchange_provider` and wraps a user in `user`, the newer says `brand` and `data`;
answers hold both side by side, so a client written against either works.
"""
