"""Which way the order of a gift may go."""

from enum import StrEnum


class GiftOrderStatus(StrEnum):
    """Where the order of a physical gift stands, in the words of the Retail API's history."""

    EXCHANGE = "exchange"
    CANCELLATION = "cancellation"
    IN_PREPARATION = "in_preparation"
    IN_DELIVERY = "in_delivery"
    DELIVERED = "delivered"
    RETURNED = "returned"


MOVES: dict[GiftOrderStatus, frozenset[GiftOrderStatus]] = {
    GiftOrderStatus.EXCHANGE: frozenset({GiftOrderStatus.IN_PREPARATION, GiftOrderStatus.CANCELLATION}),
    GiftOrderStatus.IN_PREPARATION: frozenset({GiftOrderStatus.IN_DELIVERY, GiftOrderStatus.CANCELLATION}),
    GiftOrderStatus.IN_DELIVERY: frozenset({GiftOrderStatus.DELIVERED}),
    GiftOrderStatus.DELIVERED: frozenset({GiftOrderStatus.RETURNED}),
    GiftOrderStatus.CANCELLATION: frozenset(),
    GiftOrderStatus.RETURNED: frozenset(),
}
GIVES_POINTS_BACK = frozenset({GiftOrderStatus.CANCELLATION, GiftOrderStatus.RETURNED})
