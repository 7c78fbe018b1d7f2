"""Events."""

from loyalty.api.retail.bodies.events import EventIn
from loyalty.api.retail.documents import bearer
from loyalty.api.retail.examples import events as examples
from loyalty.api.retail.shapes.events import EventOut
from loyalty.api.schema import documented
from users.models import RetailScope

report_event = documented(
    operation="report_event",
    tag="Retail: events",
    description="Reward what a member did: the points are those of the action whose tag is `event_code`, as often as it counts."
    " An event of the past counts in its own day, in the brand's time zone, as far back as the programme takes it. The same"
    " `event_id` and body again is answered as at first, with 200; without an `event_id` one is made. A refusal names what was"
    " not so in `errors`: `condition` of a property, `dates`, `segments`; `period_limit` or `total_limit`.",
    body=EventIn,
    body_examples={"an event": examples.EVENT_BODY},
    answer=(201, EventOut),
    example=examples.EVENT,
    further={200: (EventOut, examples.EVENT)},
    refusals={
        400: ["member_not_found", "unknown_event", "conditions_not_met", "token_not_found", "balance_limit"],
        409: ["consent_refused", "event_id_reused", "limit_reached"],
    },
    once=True,
    way_in=bearer(RetailScope.EARNINGS_WRITE),
)
