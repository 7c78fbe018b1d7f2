"""What other apps must hear of, inside the transaction in which it happens."""

from django.dispatch import Signal

member_erased = Signal()
"""Sent with `member` and `at` while a member is being erased: each room lets go of what it holds of them."""

member_merged = Signal()
"""Sent with a `merging` (users.services.merging.Merging) while a duplicate is being merged: each room moves what it can."""
