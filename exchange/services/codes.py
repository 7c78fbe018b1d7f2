"""A code of a miles campaign: its points are credited and exchanged at once, in the transaction that claims it.

When the partner refuses, the points come back to the member as those of any exchange do.
"""

from dataclasses import replace
from datetime import datetime

from exchange.services.orders import Accepted, ExchangeRequest, place_order
from ledger.models import Counterpart, TransactionType
from ledger.selectors import FUNGIBLE_POINTS, find_token
from ledger.services.points import Moved
from ledger.services.posting import Holder, Posting, lapse_of, post
from rewards.models import CampaignKind
from rewards.services.redeeming import Claimed, Redemption, redeem_code


def exchange_code(*, redemption: Redemption, request: ExchangeRequest, at: datetime) -> Accepted:
    """Redeem a code for what its points become; `request` says into what, its token and points are the code's.

    Raises as redeem_for_points and accept_exchange do.
    """
    accepted: list[Accepted] = []

    def give(claimed: Claimed) -> Moved:
        token = find_token(brand_id=redemption.brand_id, token_id=claimed.token_id, type_=FUNGIBLE_POINTS)
        of_code = {"code": claimed.id, "campaign": claimed.campaign_id}
        credited = post(
            Posting(
                account=Holder(redemption.brand_id, redemption.auth_id, token.pk),
                amount=claimed.value,
                type=TransactionType.CODE_TO_EXTERNAL_REWARDS,
                counterpart=Counterpart.ISSUANCE,
                at=at,
                expires_at=lapse_of(token, at=at),
                actor=redemption.actor,
                explanation=of_code,
            )
        )
        placed = place_order(
            replace(request, token_a_id=token.pk, points=claimed.value),
            at=at,
            of_code=of_code,
            take_first=credited.sequence if credited.posting.expires_at is not None else None,
        )
        accepted[:] = [placed]
        return placed.moved

    redeem_code(redemption=redemption, kind=CampaignKind.EXTERNAL_REWARDS, give=give, at=at)
    return accepted[0]
