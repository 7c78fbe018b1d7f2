"""Members come, change, and are erased."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.db.transaction import TransactionManagementError

from loyalty.database import constraint_of, load_prepared, write
from loyalty.errors import FieldError, invalid_field
from users.errors import AuthIdTaken, ConsentRefused, UserNotFound
from users.models import Brand, Consent, ConsentChange, Email, Member, Membership, Refusal
from users.models.members import new_auth_id
from users.services.approvals import forget_approvals
from users.services.segments import note_due, release_member
from users.services.webhooks import forget_member
from users.signals import member_erased

LONGEST_AUTH_ID = 255
LONGEST_EMAIL = 254  # RFC 5321
NAMED_LOCKED = "WHERE r.brand_id = %s::bigint AND r.auth_id = %s::text FOR NO KEY UPDATE"
PERSONAL = ("auth_id", "email", "first_name", "second_name", "language", "country_iso", "metadata")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a partner tells of a member; `given` names the fields it sent, the others are None."""

    given: frozenset[str]
    email: str | None = None
    auth_id: str | None = None
    first_name: str | None = None
    second_name: str | None = None
    language: str | None = None
    country_iso: str | None = None
    metadata: dict[str, Any] | None = None

    def check(self) -> None:
        """Refuse an e-mail address or an auth_id that cannot be one, naming the field."""
        if "email" in self.given:
            check_email(self.email)
        if self.auth_id:
            check_auth_id(self.auth_id)


def check_email(email: str | None) -> None:
    """Refuse what is not an e-mail address."""
    if email is None:
        raise invalid_field("email", "an e-mail address is needed", code="required")
    if len(email) > LONGEST_EMAIL:
        raise invalid_field("email", f"at most {LONGEST_EMAIL} characters", code="invalid_email")
    try:
        validate_email(email)
        email.rpartition("@")[2].encode("idna")  # what has no name in the net's own letters cannot be mailed
    except (ValidationError, UnicodeError):
        raise invalid_field("email", "this is not an e-mail address", code="invalid_email") from None


def check_auth_id(auth_id: str) -> None:
    """Refuse an auth_id that is too long, or holds a slash or what cannot be printed."""
    if len(auth_id) > LONGEST_AUTH_ID:
        raise invalid_field("auth_id", f"at most {LONGEST_AUTH_ID} characters")
    if not auth_id.isprintable() or "/" in auth_id:
        raise invalid_field("auth_id", "printable characters without a slash")


def create_member(*, brand_id: int, profile: Profile, at: datetime, reachable: bool = True) -> Member:
    """Add a member; without an auth_id it gets a UUID-4. Who need not be `reachable` may have no e-mail address.

    Raises AuthIdTaken, InvalidRequest.
    """
    if reachable:
        check_email(profile.email)
    profile.check()
    member = Member(
        brand_id=brand_id,
        auth_id=profile.auth_id or new_auth_id(),
        created_at=at,
        **{name: getattr(profile, name) for name in PERSONAL if name != "auth_id"},
    )

    def effect() -> Member:
        try:
            with transaction.atomic():
                member.save(force_insert=True)
        except IntegrityError as error:
            if constraint_of(error) == "member_auth_id_once":
                raise AuthIdTaken(errors=[FieldError("auth_id", AuthIdTaken.code, AuthIdTaken.detail)]) from None
            raise
        note_due(brand_id=brand_id, member_ids=[member.pk])
        return member

    return write(effect)


def find_member(*, brand_id: int, auth_id: str) -> Member:
    """Look a member up by the partner's name. Raises UserNotFound."""
    member = _named(brand_id, auth_id).first()
    if member is None:
        raise UserNotFound
    return member


def change_member(*, brand_id: int, auth_id: str, profile: Profile, replace: bool) -> Member:
    """Change a member's profile; `replace` also empties what was not given, and then needs the e-mail.

    Raises UserNotFound, InvalidRequest (the auth_id cannot change).
    """

    def effect() -> Member:
        member = locked_member(brand_id=brand_id, auth_id=auth_id)
        if profile.auth_id and profile.auth_id != auth_id:
            raise invalid_field("auth_id", "the auth_id of a user cannot change", code="immutable")
        if replace:
            check_email(profile.email)
        profile.check()
        changed = [name for name in PERSONAL if name != "auth_id" and (replace or name in profile.given)]
        for name in changed:
            setattr(member, name, getattr(profile, name))
        if changed:
            member.save(update_fields=changed)
            note_due(brand_id=brand_id, member_ids=[member.pk])
        return member

    return write(effect)


def locked_member(*, brand_id: int, auth_id: str, member_id: int | None = None) -> Member:
    """The member, held against concurrent change until the transaction ends.

    Raises UserNotFound, also where the name no longer stands for `member_id`.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("what is held outside of a transaction is not held")
    member = None if "\x00" in auth_id else load_prepared(Member, NAMED_LOCKED, [brand_id, auth_id])
    if member is None or member_id not in (None, member.pk):
        raise UserNotFound
    return member


def _named(brand_id: int, auth_id: str) -> QuerySet[Member]:
    """Select the member of that name; none can hold the one character that PostgreSQL's text cannot."""
    members = Member.objects.filter(brand_id=brand_id)
    return members.none() if "\x00" in auth_id else members.filter(auth_id=auth_id)


def check_consent(member: Member) -> None:
    """Refuse what a member has refused. Raises ConsentRefused."""
    if member.consent == Consent.REFUSED:
        raise ConsentRefused


def erase_member(*, brand_id: int, auth_id: str, at: datetime, member_id: int | None = None) -> Member:
    """Erase everything personal; the shell stays for the ledger's sake, the auth_id is free again.

    The duplicates that were merged into the member are erased with them. Who asks for themselves says who they are by
    `member_id`: should they be gone, and the name someone new's, nobody is erased.
    Every room that holds something of the member hears of it in the same transaction. Raises UserNotFound.
    """

    def effect() -> Member:
        member = locked_member(brand_id=brand_id, auth_id=auth_id, member_id=member_id)
        duplicates = Member.objects.select_for_update(no_key=True).filter(brand_id=brand_id, merged_into=member)
        for duplicate in duplicates.filter(erased_at__isnull=True).order_by("pk"):
            _erase(duplicate, at)
        return _erase(member, at)

    return write(effect)


def _erase(member: Member, at: datetime) -> Member:
    forget_approvals(member=member, at=at)
    member_erased.send(sender=Member, member=member, at=at)
    Membership.objects.filter(member=member).delete()
    # Someone else's membership here names this member's auth_id as its number: it goes with the name.
    elsewhere = Membership.objects.filter(partner_brand_id=member.brand_id, number=member.auth_id)
    for brand_id, other_id in list(elsewhere.values_list("brand_id", "member_id")):
        note_due(brand_id=brand_id, member_ids=[other_id])
    elsewhere.delete()
    release_member(member=member)
    Email.objects.filter(member=member).delete()
    Refusal.objects.filter(member=member).delete()
    ConsentChange.objects.filter(member=member).delete()
    forget_member(member=member)
    _forget_address(member)
    emptied = (*PERSONAL, "merged_auth_id")
    for name in emptied:
        setattr(member, name, None)
    member.erased_at, member.consent, member.token_generation = at, Consent.NOT_SET, member.token_generation + 1
    member.save(update_fields=[*emptied, "erased_at", "consent", "token_generation"])
    return member


def _forget_address(member: Member) -> None:
    """E-mails to the member's address that name no member go too; unsent ones stay where another member shares it."""
    if member.email is None:
        return
    emails = Email.objects.filter(brand_id=member.brand_id, member__isnull=True, recipient__iexact=member.email)
    sharing = Member.objects.filter(brand_id=member.brand_id, email__iexact=member.email).exclude(pk=member.pk)
    (emails.filter(sent_at__isnull=False) if sharing.exists() else emails).delete()


def email_language(member: Member, brand: Brand) -> str:
    """The language to write to a member in: their own where the brand speaks it, else the brand's first."""
    wanted = (member.language or "").split("-")[0].split("_")[0].lower()
    return wanted if wanted in brand.languages else brand.languages[0]
