"""Which way the order of a gift may go: one that is sent, or a code."""

from enum import StrEnum


class GiftOrderStatus(StrEnum):
    """Where the order of a gift stands, in the words of the Retail API's history.

    A code is in the member's hands from the first instant on; its order tells how far the shop's own handling of it is.
    `delivered` says that it is done, `returned` that the shop has taken an unused code back: it is worth nothing then.
    """

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


def obstacle(before: GiftOrderStatus, to: GiftOrderStatus, *, used: bool, sent: bool) -> str:
    """Why an order cannot go from one place to another; empty where it can.

    What was used is not cancelled; and a code that was used does not come back either, as a gift that was sent may.
    """
    if to not in MOVES[before]:
        return f"An order in {before.value} cannot become {to.value}"
    if used and (to is GiftOrderStatus.CANCELLATION or (to is GiftOrderStatus.RETURNED and not sent)):
        return f"What was used cannot become {to.value}"
    return ""
