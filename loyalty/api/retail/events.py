"""Events of the Retail API: what members do for points besides buying."""

from http import HTTPStatus
from uuid import uuid4

from django.http import HttpRequest
from django.utils import timezone

from loyalty.api.idempotency import Answer
from loyalty.api.refusals import Concern, KeepsRefusals, body_of, text_of
from loyalty.api.requests import canonical
from loyalty.api.retail.base import RetailView
from loyalty.api.retail.bodies.events import EventIn
from loyalty.api.retail.bodies.reading import read
from loyalty.api.retail.documents import events as documents
from loyalty.api.retail.shapes.events import event_json
from loyalty.api.retail.statuses import IN_BODY
from rewards.services.actions import ActionOrder, Event, report_event
from users.models import RetailScope


class EventsView(RetailView, KeepsRefusals):
    """POST /events: a member did something that an action rewards."""

    statuses = IN_BODY
    write_scope = RetailScope.EARNINGS_WRITE

    @documents.report_event
    def post(self, request: HttpRequest) -> Answer:
        """Reward what a member did."""

        def effect() -> Answer:
            body = read(request, EventIn)
            order = ActionOrder(
                brand_id=self.brand_id,
                auth_id=body.member_id,
                tag=body.event_code,
                actor=self.actor,
                occurred_at=body.instant,
                properties=body.properties or {},
            )
            name = body.event_id or str(uuid4())
            event = Event(name, canonical(request.body), lambda done: event_json(done, name))
            told = report_event(order=order, event=event, at=timezone.now())
            status = HTTPStatus.CREATED if told.first else HTTPStatus.OK
            return Answer(status, told.text.encode(), told.member_id)

        return self.once(request, effect)

    def concern(self, request: HttpRequest) -> Concern | None:
        """Who did it."""
        asked = body_of(request)
        member_id = text_of(asked.get("member_id"))
        return Concern(member_id, "event", text_of(asked.get("event_id"))) if member_id else None
