"""What rewards moves when a duplicate is merged: items with their wishes, counts that limits go by.

Redeemed codes, rewards and rewarded actions stay with the duplicate, as the database keeps them; they are shown through
the link.
"""

from typing import Any

from django.db.models import F

from ledger.models import Account, Transaction, TransactionType
from loyalty.database import execute_prepared
from rewards.models import ActionUse, CampaignUse, CodeTries, Collectible
from users.services.merging import Merging
from users.signals import member_merged

ADD_ACTIONS = """
INSERT INTO rewards_actionuse AS u (brand_id, action_id, member_id, period, count)
SELECT %s::bigint, action_id, %s::bigint, period, count FROM rewards_actionuse
WHERE brand_id = %s::bigint AND member_id = %s::bigint
ON CONFLICT (brand_id, action_id, member_id, period) DO UPDATE SET count = u.count + EXCLUDED.count
"""


def move_belongings(*, merging: Merging) -> None:
    """Move what can move, inside the transaction that merges and after the ledger moved the balances."""
    brand_id, keep, duplicate = merging.keep.brand_id, merging.keep, merging.duplicate
    items = Collectible.objects.filter(brand_id=brand_id, member=duplicate)
    for account in Account.objects.filter(brand_id=brand_id, member=keep, token__in=items.values("token")):
        rows = Transaction.objects.filter(brand_id=brand_id, account=account, type=TransactionType.MERGE)
        items.filter(token_id=account.token_id).update(member=keep, transaction=rows.latest("sequence"))
    _add_uses(merging)
    _add_actions(merging)
    CodeTries.objects.filter(brand_id=brand_id, scope="member", subject_id=duplicate.pk).delete()


def _add_uses(merging: Merging) -> None:
    """Count what the duplicate redeemed for the kept one, too, so that a limit for one member stays one."""
    brand_id, keep = merging.keep.brand_id, merging.keep
    uses = CampaignUse.objects.filter(brand_id=brand_id, member=merging.duplicate)
    for use in uses.order_by("campaign_id"):
        own = CampaignUse.objects.filter(brand_id=brand_id, member=keep, campaign_id=use.campaign_id)
        if not own.update(count=F("count") + use.count):
            CampaignUse.objects.create(brand_id=brand_id, member=keep, campaign_id=use.campaign_id, count=use.count)
    uses.delete()


def _add_actions(merging: Merging) -> None:
    """Count what the duplicate did for the kept one, too: within each period, and in all."""
    terms = [merging.keep.brand_id, merging.keep.pk, merging.keep.brand_id, merging.duplicate.pk]
    execute_prepared(ADD_ACTIONS, terms)
    ActionUse.objects.filter(brand_id=merging.keep.brand_id, member=merging.duplicate).delete()


def listen() -> None:
    """Move belongings whenever a duplicate is merged."""
    member_merged.connect(_on_member_merged, dispatch_uid="rewards.move_belongings")


def _on_member_merged(*, merging: Merging, **_: Any) -> None:
    move_belongings(merging=merging)
