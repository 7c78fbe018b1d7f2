"""Reads over the catalogue as the gift shop sees it: what is on offer now, for whom, in which language."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from loyalty.errors import FieldError
from rewards.errors import CategoryNotFound, RewardTypeNotFound, UnknownLanguage
from rewards.models import Category, CategoryText, RewardType, RewardTypeSegment, RewardTypeText
from rewards.selectors import below
from users.models import Brand, Member, SegmentMember


def language_of(brand: Brand, wanted: str | None) -> str:
    """The language to answer in: the one that is wanted, or the brand's first. Raises UnknownLanguage."""
    if wanted is None:
        return brand.languages[0]
    if wanted not in brand.languages:
        raise UnknownLanguage(errors=[FieldError("language", UnknownLanguage.code, f"one of {', '.join(brand.languages)}")])
    return wanted


@dataclass(slots=True)
class Shelf:
    """A category under its name in one language, and what stands in it."""

    code: str
    name: str
    children: "list[Shelf]" = field(default_factory=list)


def shelves_of(*, brand_id: int, language: str) -> list[Shelf]:
    """The active categories of a brand as a tree, oldest first; what stands in one that is not active is left out."""
    texts = dict(CategoryText.objects.filter(brand_id=brand_id, language=language).values_list("category", "name"))
    rows = list(Category.objects.filter(brand_id=brand_id, active=True).order_by("pk"))
    shelves = {row.pk: Shelf(row.code, texts.get(row.pk, row.name)) for row in rows}
    top = []
    for row in rows:
        if row.parent_id is None:
            top.append(shelves[row.pk])
        elif row.parent_id in shelves:
            shelves[row.parent_id].children.append(shelves[row.pk])
    return top


def joined_segments(member: Member) -> dict[int, datetime]:
    """The segments that a member is in, and since when."""
    rows = SegmentMember.objects.filter(brand_id=member.brand_id, member=member)
    return dict(rows.order_by("segment_id").values_list("segment_id", "added_at"))


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftList:
    """Which gifts of a brand to list: those on offer at an instant, for everybody or for whoever is in these segments."""

    brand_id: int
    language: str
    at: datetime
    segments: Mapping[int, datetime] = field(default_factory=dict)
    category: str | None = None
    updated_since: datetime | None = None

    def rows(self) -> QuerySet[RewardType]:
        """The gifts, in no order yet."""
        begun = Q(valid_from__isnull=True) | Q(valid_from__lte=self.at)
        lasting = Q(valid_until__isnull=True) | Q(valid_until__gt=self.at)
        rows = RewardType.objects.filter(begun, lasting, brand_id=self.brand_id, active=True)
        rows = rows.filter(~Exists(_ties()) | Exists(_ties(self.segments)))
        if self.category is not None:
            rows = rows.filter(category__in=self._categories(self.category))
        if self.updated_since is not None:
            rows = rows.filter(self._changed(self.updated_since))
        return rows

    def page(self, *, limit: int, after: int = 0) -> list[RewardType]:
        """One page, oldest first, with all that tells of a gift; `after` is the id of the last one of the page before."""
        return list(_told(self.rows().filter(pk__gt=after), self.language).order_by("pk")[:limit])

    def find(self, gift_id: int) -> RewardType:
        """One of them. Raises RewardTypeNotFound."""
        found = _told(self.rows().filter(pk=gift_id), self.language).first()
        if found is None:
            raise RewardTypeNotFound
        return found

    def _categories(self, code: str) -> set[int]:
        category = Category.objects.filter(brand_id=self.brand_id, code=code).first()
        if category is None:
            raise CategoryNotFound(errors=[FieldError("category", CategoryNotFound.code, "no category has this code")])
        return below(category)

    def _changed(self, since: datetime) -> Q:
        """Changed itself, or come to be on offer by time, or by the member's joining a segment."""
        joined = [pk for pk, added_at in self.segments.items() if added_at >= since]
        return Q(updated_at__gte=since) | Q(valid_from__gte=since) | Q(Exists(_ties(joined)))


def _ties(segments: Iterable[int] | None = None) -> QuerySet[RewardTypeSegment]:
    ties = RewardTypeSegment.objects.filter(brand_id=OuterRef("brand_id"), reward_type=OuterRef("pk"))
    return ties if segments is None else ties.filter(segment_id__in=list(segments))


def _told(rows: QuerySet[RewardType], language: str) -> QuerySet[RewardType]:
    """Gifts with their texts, the names of their categories, and the segments they are for."""
    return rows.select_related("category").prefetch_related(
        Prefetch("texts", RewardTypeText.objects.filter(language=language)),
        Prefetch("category__texts", CategoryText.objects.filter(language=language)),
        Prefetch("ties", RewardTypeSegment.objects.order_by("segment_id")),
    )
