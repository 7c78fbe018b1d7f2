"""What the exchange app refuses."""

from loyalty.errors import LoyaltyError


class ExchangeNotAllowed(LoyaltyError):
    """No active partnership leads from the one token to the other, whether that exists or not."""

    code = "exchange_not_allowed"
    detail = "Exchange between these tokens is not allowed"


class InvalidExchangeRate(LoyaltyError):
    """There is no rate: none was sent, none is agreed, and the tokens have none; or the one sent is none."""

    code = "invalid_exchange_rate"
    detail = "There is no exchange rate between these tokens"


class AmountOutOfRange(LoyaltyError):
    """Fewer or more points than the partnership takes at once."""

    code = "amount_out_of_range"
    detail = "The amount is outside of what the partnership allows"


class AmountTooSmall(LoyaltyError):
    """At the rate, nothing would be received."""

    code = "amount_too_small"
    detail = "At this rate nothing would be received"


class OrderNotFound(LoyaltyError):
    """The brand has no such exchange order."""

    code = "exchange_order_not_found"
    detail = "There is no such exchange"


class OrderMoved(LoyaltyError):
    """From where the order stands it cannot be moved so."""

    code = "exchange_move_not_allowed"
    detail = "The exchange cannot be moved there from where it stands"


class DifferenceNotFound(LoyaltyError):
    """The brand has no such difference."""

    code = "difference_not_found"
    detail = "There is no such difference"


class PartnershipNotFound(LoyaltyError):
    """There is no such partnership that this brand may decide about."""

    code = "partnership_not_found"
    detail = "There is no such partnership"


class ProviderNotFound(LoyaltyError):
    """The brand has no such provider."""

    code = "provider_not_found"
    detail = "There is no such provider"
