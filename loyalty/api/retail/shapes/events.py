"""Events that were rewarded."""

import msgspec
from msgspec import Struct

from loyalty.api.retail.shapes.postings import PostedOut, posted_out
from rewards.services.actions import Done


class EventOut(Struct):
    """What an event gave."""

    event_id: str
    points: int
    balance: int
    transaction: PostedOut


def event_json(done: Done, event_id: str) -> str:
    """The answer to an event."""
    answer = EventOut(event_id, done.points, done.posted.balance_after, posted_out(done.posted))
    return msgspec.json.encode(answer).decode()
