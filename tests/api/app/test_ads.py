"""Ads of the App API: those that run now, for this user's segments, in order and in their language; counted as shown."""

from datetime import timedelta

import pytest
from django.db.models import Sum
from django.utils import timezone

from rewards.models import Ad, AdDay, AdSegment, AdText
from tests.api.app.conftest import refused, told
from tests.api.retail.baskets import make_programme
from tests.clients import AppClient
from tests.conftest import make_brand
from tests.rewards.acting import make_segment
from users.models import Member, SegmentMember

KINDS = ["bonus", "specials", "news"]


@pytest.fixture
def ann(app):
    return app.connect("ann")


def make_ad(brand, title: str, kind: str = "news", **terms) -> Ad:
    return Ad.objects.create(brand=brand, title=title, kind=kind, **terms)


def titles(device, kind: str = "news", **terms) -> list[str]:
    return [ad["title"] for ad in told(device.call(f"ad/{kind}", terms))["ads"]]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_own(ann, brand, kind):
    for one in KINDS:
        make_ad(brand, one, one, text="Words", image="https://example.org/a.png", link="https://example.org/")

    (ad,) = told(ann.call(f"ad/{kind}"))["ads"]

    assert ad | {"id": ""} == {
        "id": "",
        "title": kind,
        "text": "Words",
        "image": "https://example.org/a.png",
        "link": "https://example.org/",
        "order": 1,
    }


def test_those_that_run_now_in_order(ann, brand):
    now, day = timezone.now(), timedelta(days=1)
    make_ad(brand, "second", position=2)
    make_ad(brand, "first", position=1, starts_at=now - day, ends_at=now + day)
    make_ad(brand, "over", ends_at=now - day)
    make_ad(brand, "to come", starts_at=now + day)
    make_ad(brand, "off", active=False)
    make_ad(make_programme(make_brand()).brand, "another brand's")

    assert titles(ann) == ["first", "second"]


def test_segments_and_languages(ann, brand):
    segment = make_segment(brand)
    ad = make_ad(brand, "For some")
    AdSegment.objects.create(brand=brand, ad=ad, segment=segment)
    AdText.objects.create(brand=brand, ad=ad, language="de", title="Für manche")
    assert titles(ann) == []

    SegmentMember.objects.create(brand=brand, segment=segment, member=Member.objects.get(brand=brand, auth_id="ann"))

    assert titles(ann) == ["For some"]
    assert titles(ann, lang="de") == ["Für manche"]
    assert titles(ann, lang="fr") == ["For some"]
    refused(ann.call("ad/news", {"lang": "sv"}), 3, field="lang")


def test_who_refused_consent_is_shown_none(app, brand):
    make_ad(brand, "News")

    refused(app.connect("bob", dataConsentCode=1).call("ad/news"), 6, "consent_refused")
    assert not AdDay.objects.filter(brand=brand).exists()


def test_what_is_shown_is_counted(app, ann, brand):
    ad, other = make_ad(brand, "News"), make_ad(brand, "More")
    make_ad(brand, "Bonus", "bonus")

    for device in (ann, ann, app.connect("bob")):
        told(device.call("ad/news"))

    shown = dict(AdDay.objects.filter(brand=brand).values_list("ad").annotate(Sum("shown")))
    assert shown == {ad.pk: 3, other.pk: 3}


def test_a_user_of_another_brand_sees_their_own(ann, brand):
    make_ad(brand, "Ours")
    other = make_brand()
    make_programme(other)

    assert titles(AppClient.of(other).connect("ann")) == []
