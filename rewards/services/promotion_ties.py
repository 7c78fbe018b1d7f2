"""Promotions are tied to segments: tied to some, a promotion serves the members of any of them."""

from loyalty.database import write
from rewards.errors import PromotionNotFound
from rewards.models import Promotion, PromotionSegment
from users.services.segments import find_segment


def tie_promotion(*, brand_id: int, promotion_id: int, segment_id: int) -> None:
    """Tie a promotion to a segment, once. Raises PromotionNotFound, SegmentNotFound."""

    def effect() -> None:
        _check(brand_id, promotion_id, segment_id)
        tie = PromotionSegment(brand_id=brand_id, promotion_id=promotion_id, segment_id=segment_id)
        PromotionSegment.objects.bulk_create([tie], ignore_conflicts=True)

    write(effect)


def untie_promotion(*, brand_id: int, promotion_id: int, segment_id: int) -> None:
    """Let a promotion go on without a segment; tied to none it serves everybody. Raises PromotionNotFound, SegmentNotFound."""

    def effect() -> None:
        _check(brand_id, promotion_id, segment_id)
        ties = PromotionSegment.objects.filter(brand_id=brand_id, promotion_id=promotion_id, segment_id=segment_id)
        ties.delete()

    write(effect)


def _check(brand_id: int, promotion_id: int, segment_id: int) -> None:
    if not Promotion.objects.filter(brand_id=brand_id, pk=promotion_id).exists():
        raise PromotionNotFound
    find_segment(brand_id=brand_id, segment_id=segment_id)
