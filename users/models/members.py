"""Members of a brand's programme."""

import secrets
import string
import uuid

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now, Upper
from django.utils.translation import gettext_lazy as _

from users.models.brands import Brand
from users.models.guards import members_logged

PUBLIC_ID_LENGTH = 11
PUBLIC_ID_ALPHABET = string.ascii_lowercase + string.digits


def new_public_id() -> str:
    """Our own short name for a member: 56 bits of chance, unlike the auth_id never the partner's to choose."""
    return "".join(secrets.choice(PUBLIC_ID_ALPHABET) for _ in range(PUBLIC_ID_LENGTH))


def new_auth_id() -> str:
    """The name a member gets when the partner gives none: a UUID-4."""
    return str(uuid.uuid4())


class Consent(models.IntegerChoices):
    """What a member said about the use of their data."""

    NOT_SET = -1, _("Not asked")
    ACCEPTED = 0, _("Accepted")
    REFUSED = 1, _("Refused")


class Member(models.Model):
    """One person in one brand's programme; after erasure an empty shell that the ledger's rows still point to.

    A duplicate that was merged into another member has no auth_id any more, so nothing finds it that looks for a name:
    what it was called stands in `merged_auth_id`, for staff. `merged_into` never names one that is merged itself.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="members", db_index=False)
    public_id = models.CharField(max_length=PUBLIC_ID_LENGTH, default=new_public_id)
    auth_id = models.CharField(max_length=255, null=True, help_text="The partner's name for the member.")
    email = models.CharField(max_length=320, null=True)
    first_name = models.TextField(null=True)
    second_name = models.TextField(null=True)
    language = models.TextField(null=True)
    country_iso = models.TextField(null=True)
    metadata = models.JSONField(null=True)
    consent = models.SmallIntegerField(choices=Consent, default=Consent.NOT_SET, db_default=Consent.NOT_SET)
    token_generation = models.IntegerField(
        default=0, db_default=0, editable=False, help_text="Tokens that apps were given for an earlier one are refused."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    erased_at = models.DateTimeField(null=True)
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, related_name="duplicates", db_index=False)
    merged_at = models.DateTimeField(null=True)
    merged_auth_id = models.CharField(max_length=255, null=True, help_text="What the partner called it before the merge.")

    class Meta:
        permissions = [
            ("merge_member", "Can merge a duplicate into another member"),
            ("export_member", "Can export everything kept about a member"),
            ("erase_member", "Can erase a member"),
            ("view_personal_data", "Can see personal data of members"),
        ]
        constraints = [
            models.UniqueConstraint(name="member_auth_id_once", fields=["brand", "auth_id"]),
            models.UniqueConstraint(name="member_public_id_once", fields=["brand", "public_id"]),
            models.UniqueConstraint(name="member_of_brand", fields=["brand", "id"]),
            models.CheckConstraint(
                name="member_named_until_erased",
                condition=Q(auth_id__isnull=False) | Q(erased_at__isnull=False) | Q(merged_into__isnull=False),
            ),
            models.CheckConstraint(
                name="member_merged_whole",
                condition=Q(merged_into__isnull=True, merged_at__isnull=True, merged_auth_id__isnull=True)
                | Q(merged_into__isnull=False, merged_at__isnull=False, auth_id__isnull=True),
            ),
            models.CheckConstraint(
                name="member_not_merged_into_itself", condition=Q(merged_into__isnull=True) | ~Q(merged_into=F("id"))
            ),
            models.CheckConstraint(
                name="member_erased_is_empty",
                condition=Q(erased_at__isnull=True)
                | Q(
                    auth_id__isnull=True,
                    email__isnull=True,
                    first_name__isnull=True,
                    second_name__isnull=True,
                    language__isnull=True,
                    country_iso__isnull=True,
                    metadata__isnull=True,
                    merged_auth_id__isnull=True,
                    consent=Consent.NOT_SET,
                ),
            ),
            models.CheckConstraint(name="member_consent_known", condition=Q(consent__in=Consent.values)),
        ]
        indexes = [
            models.Index(name="member_newest", fields=["brand", "-created_at", "-id"]),
            GinIndex(OpClass(Upper("email"), name="gin_trgm_ops"), name="member_email_like"),
            models.Index("brand", Upper("email"), name="member_of_email"),
            models.Index(name="member_duplicates", fields=["merged_into"], condition=Q(merged_into__isnull=False)),
            models.Index(name="member_once_named", fields=["brand", "merged_auth_id"], condition=Q(merged_into__isnull=False)),
        ]
        triggers = members_logged()

    def __str__(self) -> str:
        return f"member {self.public_id}"

    @property
    def heir(self) -> "Member":
        """Who stands for this member now: the one it was merged into, or itself."""
        return self if self.merged_into is None else self.merged_into
