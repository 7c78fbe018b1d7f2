"""What rewards lets go of when a member is erased: wishes, reasons, counts, answers; items go back to nobody."""

from datetime import datetime
from typing import Any

from ledger.models import Account, Transaction
from rewards.models import (
    ActionGain,
    ActionUse,
    CampaignUse,
    CodeTries,
    Collectible,
    GiftOrderMove,
    InboxItem,
    VoucherClaim,
)
from rewards.services.business_keys import FORGOTTEN
from users.models import Member
from users.signals import member_erased


def release_member(*, member: Member, at: datetime) -> None:
    """Forget what is personal, inside the transaction that erases the member and after the ledger closed their accounts."""
    own = {"brand_id": member.brand_id, "member": member}
    for account in Account.objects.filter(**own, token__in=Collectible.objects.filter(**own).values("token")):
        last = Transaction.objects.filter(brand_id=member.brand_id, account=account).latest("sequence")
        Collectible.objects.filter(**own, token_id=account.token_id).update(
            member=None, transaction=last, status=None, personalised_data=None, reason="", updated_at=at
        )
    GiftOrderMove.objects.filter(brand_id=member.brand_id, order__reward__member=member).update(reason="")
    VoucherClaim.objects.filter(brand_id=member.brand_id, reward__member=member).update(**FORGOTTEN)
    ActionGain.objects.filter(**own).update(**FORGOTTEN, param=None)
    ActionUse.objects.filter(**own).delete()
    InboxItem.objects.filter(**own).delete()
    CampaignUse.objects.filter(**own).delete()
    CodeTries.objects.filter(brand_id=member.brand_id, scope="member", subject_id=member.pk).delete()


def listen() -> None:
    """Let go whenever a member is erased."""
    member_erased.connect(_on_member_erased, dispatch_uid="rewards.release_member")


def _on_member_erased(*, member: Member, at: datetime, **_: Any) -> None:
    release_member(member=member, at=at)
