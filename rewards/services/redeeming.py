"""Redeeming codes: each pays once, ever.

One conditional UPDATE claims the code, whoever else tries it at that instant: it locks the row, and under READ
COMMITTED one that had to wait judges the row as the winner left it. The points follow in the same transaction. The
ledger's row names the code in its explanation, inside the chain.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ledger.models import Counterpart, TransactionType
from ledger.models.tokens import TokenType
from ledger.selectors import find_token
from ledger.services.points import Moved
from ledger.services.posting import Holder, Posting, lapse_of, post, reference_first
from loyalty.database import execute_prepared, write
from rewards.errors import CampaignLimitReached, CampaignNotRunning, CodeAlreadyRedeemed, InvalidCode
from rewards.models import CampaignKind, CampaignState, Code
from rewards.rules.codes import normalise
from rewards.services.brake import CodeTry
from rewards.services.collectibles import give_items
from users.errors import UserNotFound
from users.models import Member

# The member's try is counted out again in the transaction that proves it right.
# The member is held first, as erasing takes them before what is theirs, so the two never wait for each other in a circle.
CLAIM = """
WITH holder AS MATERIALIZED (
  SELECT id FROM users_member WHERE id = %s::bigint AND erased_at IS NULL FOR NO KEY UPDATE
), claimed AS (
  UPDATE rewards_code c SET redeemed_at = %s::timestamptz, member_id = holder.id
  FROM rewards_campaign p, holder
  WHERE c.brand_id = %s::bigint AND c.code = %s::text AND p.id = c.campaign_id AND p.kind = %s::text
    AND c.redeemed_at IS NULL AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > %s::timestamptz)
    AND p.state = 'running' AND p.starts_at <= %s::timestamptz AND (p.ends_at IS NULL OR p.ends_at > %s::timestamptz)
  RETURNING c.id, c.value, p.id AS campaign_id, p.token_id, p.member_limit
), given_back AS (
  UPDATE rewards_codetries SET tries = tries - 1
  WHERE brand_id = %s::bigint AND scope = 'member' AND subject_id = %s::bigint AND window_at = %s::timestamptz
    AND tries > 0 AND EXISTS (SELECT FROM claimed)
) SELECT id, value, campaign_id, token_id, member_limit FROM claimed
"""
USE = """
INSERT INTO rewards_campaignuse AS u (brand_id, campaign_id, member_id, count)
SELECT %s::bigint, %s::bigint, %s::bigint, 1 WHERE %s::int > 0
ON CONFLICT (brand_id, campaign_id, member_id) DO UPDATE SET count = u.count + 1 WHERE u.count < %s::int
RETURNING u.count
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """Which code a member wants to redeem; `tried` is the try that was counted for it."""

    brand_id: int
    auth_id: str
    code: str
    actor: str
    tried: CodeTry
    reference_id: str | None = None


class Claimed(NamedTuple):
    """A code that is this transaction's alone."""

    id: int
    value: int
    campaign_id: int
    token_id: int
    member_limit: int | None


def redeem_for_points(*, redemption: Redemption, at: datetime) -> Moved:
    """Credit the member with what a code is worth.

    Raises UserNotFound, InvalidCode, CodeAlreadyRedeemed, CampaignNotRunning, CampaignLimitReached, BalanceLimit,
    ReferenceAlreadyUsed.
    """

    def give(claimed: Claimed) -> Moved:
        token = find_token(brand_id=redemption.brand_id, token_id=claimed.token_id, type_=TokenType.ERC20)
        posting = Posting(
            account=Holder(redemption.brand_id, redemption.auth_id, token.pk),
            amount=claimed.value,
            type=TransactionType.CODE_TO_POINTS,
            counterpart=Counterpart.ISSUANCE,
            at=at,
            expires_at=lapse_of(token, at=at),
            reference_id=redemption.reference_id,
            actor=redemption.actor,
            explanation={"code": claimed.id, "campaign": claimed.campaign_id},
        )
        return Moved(post(posting), token)

    return redeem_code(redemption=redemption, kind=CampaignKind.POINTS, give=give, at=at)


def redeem_for_items(*, redemption: Redemption, at: datetime) -> Moved:
    """Give the member as many items of the campaign's collectible as a code is worth.

    Raises as redeem_for_points, and OutOfStock.
    """

    def give(claimed: Claimed) -> Moved:
        token = find_token(brand_id=redemption.brand_id, token_id=claimed.token_id, type_=TokenType.ERC721)
        posting = Posting(
            account=Holder(redemption.brand_id, redemption.auth_id, token.pk),
            amount=claimed.value,
            type=TransactionType.CODE_TO_NFT,
            counterpart=Counterpart.ISSUANCE,
            at=at,
            reference_id=redemption.reference_id,
            actor=redemption.actor,
            explanation={"code": claimed.id, "campaign": claimed.campaign_id},
        )
        return give_items(posting, token)

    return redeem_code(redemption=redemption, kind=CampaignKind.NFT, give=give, at=at)


def redeem_code(*, redemption: Redemption, kind: CampaignKind, give: Callable[[Claimed], Moved], at: datetime) -> Moved:
    """Claim a code of a campaign of that kind, and give what it stands for, in one transaction; `give` refuses by raising.

    Raises as redeem_for_points.
    """
    member_id = redemption.tried.member_id
    if member_id is None:
        raise UserNotFound

    def effect() -> Moved:
        with reference_first(redemption.brand_id, redemption.reference_id):
            claimed = _claim(redemption, member_id, kind, at)
            if claimed.member_limit is not None:
                _count_use(redemption.brand_id, claimed, member_id)
            moved = give(claimed)
        if moved.posted.member_id != member_id:  # erased meanwhile, and the name given to someone new
            raise UserNotFound
        return moved

    return write(effect)


def _claim(redemption: Redemption, member_id: int, kind: CampaignKind, at: datetime) -> Claimed:
    code = normalise(redemption.code)
    tried = [redemption.brand_id, member_id, redemption.tried.window_at]
    rows = execute_prepared(CLAIM, [member_id, at, redemption.brand_id, code, kind.value, at, at, at, *tried])
    if not rows:
        _refuse(redemption.brand_id, code, kind, member_id, at)
    return Claimed(*rows[0])


def _refuse(brand_id: int, code: str, kind: CampaignKind, member_id: int, at: datetime) -> None:
    """Say why the code cannot be claimed. One that someone else has redeemed is told as one that does not exist."""
    if not Member.objects.filter(brand_id=brand_id, pk=member_id, erased_at__isnull=True).exists():
        raise UserNotFound
    rows = Code.objects.select_related("campaign").filter(brand_id=brand_id, campaign__kind=kind)
    found = rows.filter(code=code).first()
    if found is not None and found.redeemed_at is not None and found.member_id == member_id:
        raise CodeAlreadyRedeemed
    usable = found is not None and found.redeemed_at is None and found.revoked_at is None
    if found is None or not usable or (found.expires_at is not None and found.expires_at <= at):
        raise InvalidCode
    if found.campaign.state_at(at) is not CampaignState.RUNNING:
        raise CampaignNotRunning
    raise InvalidCode  # it became free in this instant: the next try finds it


def _count_use(brand_id: int, claimed: Claimed, member_id: int) -> None:
    limit = claimed.member_limit
    if not execute_prepared(USE, [brand_id, claimed.campaign_id, member_id, limit, limit]):
        raise CampaignLimitReached
