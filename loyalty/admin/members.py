"""Members."""

from django.contrib import admin

from loyalty.admin.base import ReadOnlyAdmin
from users.models import Member


@admin.register(Member)
class MemberAdmin(ReadOnlyAdmin):
    """Members."""

    list_display = ["public_id", "brand", "auth_id", "created_at", "erased_at"]
    search_fields = ["auth_id__exact", "public_id__exact"]
