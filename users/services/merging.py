"""A duplicate is merged into the member that is kept: what the database lets move moves, the rest stays with the link.

The duplicate loses its auth_id, so nothing that looks for a name finds it: a request that names it is refused as for an
unknown user, and the name is free for a new, empty one, as after an erasure. Its ledger rows, redeemed codes, rewards
and exchanges stay as they were written and are shown through the link; what comes back on them later goes to the kept.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from loyalty.database import write
from users.errors import AlreadyMerged, MergeRefused, UserNotFound
from users.models import Consent, Member, Membership
from users.services.approvals import close_approvals
from users.services.connecting import set_consent
from users.services.members import PERSONAL
from users.services.segments import inherit_segments
from users.signals import member_merged


@dataclass(frozen=True, slots=True, kw_only=True)
class Merging:
    """A merge under way; both members are held. `reference` stands in every row that it writes."""

    keep: Member
    duplicate: Member
    reference: UUID
    actor: str
    at: datetime


def merge_members(*, brand_id: int, keep_id: int, duplicate_id: int, actor: str, at: datetime) -> Merging:
    """Merge a duplicate into the member that is kept, wholly or not at all. It cannot be undone.

    Balances move with their days of expiry, items with their wishes, memberships where the kept one has none at the
    same programme; what the kept one's profile lacks is taken over, and what either refused stays refused. Raises
    UserNotFound, AlreadyMerged, MergeRefused (one and the same; the kept one is a duplicate itself), InsufficientBalance
    (a debt that the kept one cannot bear), BalanceLimit.
    """
    if keep_id == duplicate_id:
        raise MergeRefused("A member cannot be merged into itself")

    def effect() -> Merging:
        keep, duplicate = _held(brand_id, keep_id, duplicate_id)
        merging = Merging(keep=keep, duplicate=duplicate, reference=uuid4(), actor=actor, at=at)
        member_merged.send(sender=Member, merging=merging)
        close_approvals(member=duplicate, at=at)
        _move_memberships(merging)
        inherit_segments(keep=keep, duplicate=duplicate)
        Member.objects.filter(brand_id=brand_id, merged_into=duplicate).update(merged_into=keep)
        _hand_over_name(merging)
        return merging

    return write(effect)


def _held(brand_id: int, keep_id: int, duplicate_id: int) -> tuple[Member, Member]:
    """Both members, held in the order of their ids until the transaction ends, and judged."""
    rows = Member.objects.select_for_update(no_key=True).filter(brand_id=brand_id, pk__in=[keep_id, duplicate_id])
    found = {member.pk: member for member in rows.order_by("pk") if member.erased_at is None}
    if len(found) < 2:
        raise UserNotFound
    keep, duplicate = found[keep_id], found[duplicate_id]
    if duplicate.merged_into_id is not None:
        raise AlreadyMerged
    if keep.merged_into_id is not None:
        raise MergeRefused("The member to keep was merged into another itself")
    return keep, duplicate


def _move_memberships(merging: Merging) -> None:
    keep, duplicate = merging.keep, merging.duplicate
    own = Membership.objects.filter(brand_id=keep.brand_id, member=duplicate)
    own.filter(partner_brand_id=keep.brand_id).delete()  # it names the auth_id that the duplicate loses
    taken = Membership.objects.filter(brand_id=keep.brand_id, member=keep)
    targets = set(taken.values_list("programme_id", "partner_brand_id"))
    free = [row.pk for row in own if (row.programme_id, row.partner_brand_id) not in targets]
    own.filter(pk__in=free).update(member=keep, updated_at=merging.at)
    # Members of other brands who named the duplicate as theirs here mean the one that is kept from now on.
    elsewhere = Membership.objects.filter(partner_brand_id=keep.brand_id, number=duplicate.auth_id)
    elsewhere.update(number=keep.auth_id, updated_at=merging.at)


def _hand_over_name(merging: Merging) -> None:
    keep, duplicate = merging.keep, merging.duplicate
    lacking = [name for name in PERSONAL if getattr(keep, name) is None and getattr(duplicate, name) is not None]
    for name in lacking:
        setattr(keep, name, getattr(duplicate, name))
    if lacking:
        keep.save(update_fields=lacking)
    _hand_over_consent(merging)
    duplicate.merged_into, duplicate.merged_at = keep, merging.at
    duplicate.merged_auth_id, duplicate.auth_id = duplicate.auth_id, None
    duplicate.save(update_fields=["merged_into", "merged_at", "merged_auth_id", "auth_id"])


def _hand_over_consent(merging: Merging) -> None:
    """One person said both: a refusal stays one, and what the kept one was not asked the duplicate has answered."""
    keep, said = merging.keep, Consent(merging.duplicate.consent)
    if said is Consent.REFUSED or (keep.consent == Consent.NOT_SET and said is not Consent.NOT_SET):
        set_consent(member=keep, consent=said, actor=merging.actor, at=merging.at)
