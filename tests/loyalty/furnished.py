"""A brand with a row in each table that staff can look at."""

from django.utils import timezone

from ledger.models import ProofRun, ProofSubject
from rewards.models import Category, Fulfilment, Location
from rewards.services.collectibles import request_personalisation
from rewards.services.generating import BatchOrder, open_batch
from tests.api.programme import make_campaign, make_code, make_collectible, make_item, make_reward_type
from tests.clients import Partner
from tests.conftest import make_member, make_token
from tests.exchange.world import make_exchanges
from users.models import Brand, EmailTemplate
from users.services.webhooks import queue_event, register_endpoint


def furnish(brand: Brand) -> None:
    """Put a row into each table."""
    member, token, collectible = make_member(brand), make_token(brand), make_collectible(brand)
    partner, campaign = Partner.of(brand), make_campaign(brand, token)
    partner.credit(member.auth_id, 1_000, token.pk, send_email=True)
    partner.buy(member.auth_id, make_reward_type(brand, token, fulfilment=Fulfilment.PHYSICAL))
    item = make_item(member, collectible)
    request_personalisation(brand_id=brand.pk, item_id=item.pk, data={"text": "Ann"}, at=timezone.now())
    partner.redeem(member.auth_id, make_code(campaign))
    make_code(campaign)
    batch = BatchOrder(brand_id=brand.pk, campaign_id=campaign.pk, count=5, value=1, actor="command")
    open_batch(order=batch, at=timezone.now())
    Category.objects.create(brand=brand, code="treats", name="Treats")
    Location.objects.create(brand=brand, city="Zurich")
    words = {"subject": "{{ code }}", "text": "{{ code }}", "html": "<p>{{ code }}</p>"}
    EmailTemplate.objects.create(brand=brand, kind="code", language="en", **words)
    terms = {"address": "https://hooks.example.org/", "events": ["exchange.settled"]}
    register_endpoint(brand_id=brand.pk, **terms, at=timezone.now())
    told = {"words": "that are not shown"}
    queue_event(brand_id=brand.pk, type="exchange.settled", data=told, member=member, at=timezone.now())
    make_exchanges(brand, member, token)
    night = {"night": timezone.now().date(), "begun_at": timezone.now(), "ended_at": timezone.now()}
    ProofRun.objects.create(brand=brand, subject=ProofSubject.LEDGER, **night)
