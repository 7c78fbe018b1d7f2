"""The ledger: tokens can be kept, the rest is only looked at."""

from django.contrib import admin

from ledger.models import Account, Token, Transaction
from loyalty.admin.base import KeptAdmin, ReadOnlyAdmin


@admin.register(Token)
class TokenAdmin(KeptAdmin):
    """Tokens."""

    list_display = ["id", "brand", "name", "symbol", "type", "status"]


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Accounts."""

    list_display = ["id", "brand", "member", "token", "balance", "sequence", "closed_at"]
    list_select_related = ["brand", "member", "token"]


@admin.register(Transaction)
class TransactionAdmin(ReadOnlyAdmin):
    """Transactions."""

    list_display = ["id", "brand", "type", "amount", "balance_after", "reference_id", "actor", "recorded_at"]
    list_select_related = ["brand"]
    search_fields = ["reference_id__exact"]
