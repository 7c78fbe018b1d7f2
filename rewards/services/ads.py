"""Ads: chosen for a member, and counted as shown."""

import secrets
from datetime import datetime

from django.db.models import Exists, OuterRef, Prefetch, Q

from ledger.services.posting import array_of
from loyalty.database import execute_alone
from rewards.models import Ad, AdSegment, AdText
from rewards.models.ads import SHARDS
from users.models import Member, SegmentMember
from users.services.members import check_consent

MOST_ADS = 50
COUNT = """
INSERT INTO rewards_adday AS d (brand_id, ad_id, day, shard, shown)
SELECT %s::bigint, given.ad, %s::date, %s::smallint, 1 FROM unnest(%s::bigint[]) AS given(ad) ORDER BY given.ad
ON CONFLICT (brand_id, ad_id, day, shard) DO UPDATE SET shown = d.shown + 1
"""


def show_ads(*, member: Member, kind: str, language: str, at: datetime) -> list[Ad]:
    """The ads of a kind that run now for a member, in order, with their texts in a language; each is counted as shown.

    Raises ConsentRefused.
    """
    check_consent(member)
    ties = AdSegment.objects.filter(brand_id=OuterRef("brand_id"), ad=OuterRef("pk"))
    own = SegmentMember.objects.filter(brand_id=member.brand_id, member=member).values("segment_id")
    begun = Q(starts_at__isnull=True) | Q(starts_at__lte=at)
    lasting = Q(ends_at__isnull=True) | Q(ends_at__gt=at)
    rows = Ad.objects.filter(begun, lasting, brand_id=member.brand_id, kind=kind, active=True)
    rows = rows.filter(~Exists(ties) | Exists(ties.filter(segment_id__in=own)))
    texts = Prefetch("texts", AdText.objects.filter(language=language))
    ads = list(rows.prefetch_related(texts).order_by("position", "pk")[:MOST_ADS])
    if ads:
        day = at.astimezone(member.brand.zone).date()
        shard = secrets.randbelow(SHARDS)
        execute_alone(COUNT, [member.brand_id, day, shard, array_of(sorted(ad.pk for ad in ads))])
    return ads
