"""Refusals of the services under the names that the Retail API has for them."""

from loyalty.errors import LoyaltyError
from rewards.errors import RewardTypeNotAvailable, RewardTypeNotFound
from users.errors import UserNotFound


class MemberNotFound(LoyaltyError):
    """No member of this brand has that member_id."""

    code = "member_not_found"
    detail = "Member not found"


class GiftNotFound(LoyaltyError):
    """The brand has no such gift, or not for this member."""

    code = "gift_not_found"
    detail = "Gift not found"


class GiftNotAvailable(LoyaltyError):
    """The gift is not offered, or not now."""

    code = "gift_not_available"
    detail = "This gift is not available"


NAMES: dict[type[LoyaltyError], type[LoyaltyError]] = {
    UserNotFound: MemberNotFound,
    RewardTypeNotFound: GiftNotFound,
    RewardTypeNotAvailable: GiftNotAvailable,
}
