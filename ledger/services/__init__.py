"""The verbs of the ledger."""

from ledger.services.posting import Holder, Posted, Posting, post, post_many

__all__ = ["Holder", "Posted", "Posting", "post", "post_many"]
