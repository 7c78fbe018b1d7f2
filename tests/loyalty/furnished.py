"""A brand with a row in each table that staff can look at."""

import json
from decimal import Decimal

from django.utils import timezone

from ledger.models import ProofRun, ProofSubject, Token
from ledger.services.acts import Movement
from ledger.services.by_hand import Hand, do_by_hand
from loyalty.admin.money_forms import new_name
from rewards.models import Action, Ad, Category, Fulfilment, InboxItem, Location, Programme
from rewards.rules.baskets import Line
from rewards.services.collectibles import request_personalisation
from rewards.services.earning import EarnOrder, earn
from rewards.services.evaluating import BasketOrder, told
from rewards.services.generating import BatchOrder, open_batch
from rewards.services.promotions import draft_promotion, publish_promotion, set_base_rate
from tests.api.programme import make_campaign, make_code, make_collectible, make_item, make_reward_type
from tests.clients import Partner
from tests.conftest import make_member, make_token
from tests.exchange.world import make_exchanges
from tests.loyalty.desk import make_staff
from tests.segments import by_hand, by_rule, put
from users.models import Brand, EmailTemplate, Member, Staff
from users.services.apps import create_app
from users.services.oauth import create_oauth_client
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
    action = Action.objects.create(brand=brand, tag="daily", name="Daily visit", token=token, points=5)
    reported = {"actor": "app:1", "occurred_at": timezone.now(), "received_at": timezone.now(), "state": "parked"}
    InboxItem.objects.create(brand=brand, member=member, action=action, **reported)
    Ad.objects.create(brand=brand, kind="news", title="News")
    create_app(brand_id=brand.pk, name="App")
    words = {"subject": "{{ code }}", "text": "{{ code }}", "html": "<p>{{ code }}</p>"}
    EmailTemplate.objects.create(brand=brand, kind="code", language="en", **words)
    terms = {"address": "https://hooks.example.org/", "events": ["exchange.settled"]}
    register_endpoint(brand_id=brand.pk, **terms, at=timezone.now())
    told = {"words": "that are not shown"}
    queue_event(brand_id=brand.pk, type="exchange.settled", data=told, member=member, at=timezone.now())
    make_exchanges(brand, member, token)
    ask_for_points(member, token)
    night = {"night": timezone.now().date(), "begun_at": timezone.now(), "ended_at": timezone.now()}
    ProofRun.objects.create(brand=brand, subject=ProofSubject.LEDGER, **night)
    create_oauth_client(brand_id=brand.pk, name="Till", scopes=["earnings:write"])
    put(by_hand(brand, "Press"), member)
    by_rule(brand)
    buy_bread(member, token)


def buy_bread(member: Member, token: Token) -> None:
    """A programme, a promotion for a segment, and a basket that earned by them."""
    brand, at = member.brand, timezone.now()
    Programme.objects.create(brand=brand, token=token)
    set_base_rate(brand_id=brand.pk, token_id=token.pk, rate=Decimal(1), actor="system", at=at)
    bread = {"gain": {"kind": "fixed", "points": 5}, "skus": ["bread"]}
    promotion = draft_promotion(brand=brand, name="Bread", terms=bread)
    promotion.ties.create(brand=brand, segment=by_hand(brand, "Bakers"))
    publish_promotion(brand_id=brand.pk, promotion_id=promotion.pk, actor="system", at=at)
    basket = BasketOrder(
        brand_id=brand.pk, member=member.auth_id, currency=brand.currency, lines=(Line(1, "bread", None, 1_000, 1_000),)
    )
    order = EarnOrder(basket=basket, transaction_id="till-1", content=b"{}", actor="system")
    earn(order=order, at=at, render=lambda earned: json.dumps(told(earned.judged)))


def ask_for_points(member: Member, token: Token, amount: int = 5_000) -> Staff:
    """Have somebody ask for more points than they may give alone; answers who asked."""
    asker = make_staff(username=f"asker of {member.brand_id} {new_name()}", brand=member.brand)
    hand = Hand(brand_id=member.brand_id, staff_id=asker.pk, reason="her parcel was lost", form=new_name())
    do_by_hand(act=Movement(member_id=member.pk, token_id=token.pk, amount=amount), hand=hand, at=timezone.now())
    return asker
