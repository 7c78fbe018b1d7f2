"""The catalogue: what points can be spent on."""

from datetime import datetime

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from ledger.models import Token
from ledger.models.tokens import TokenType
from users.models import Brand, Segment

WEB = URLValidator(["http", "https"])


class Fulfilment(models.TextChoices):
    """What a member gets for their points."""

    POOL = "pool", "A code from an uploaded pool"
    GENERATED = "generated", "A code made on the spot"
    PHYSICAL = "physical", "A gift that is sent"


def _dates(name: str, of: str = "id = {row}.reward_type_id") -> list[pgtrigger.Trigger]:
    """What belongs to a reward type changes it: readers of what has changed since an instant must see that."""
    return [
        pgtrigger.Trigger(
            name=f"{name}_{verb}_dates",
            operation=operation,
            when=pgtrigger.After,
            func=f"UPDATE rewards_rewardtype SET name = name WHERE {of.format(row=row)}; RETURN NULL;",  # noqa: S608 - our own
        )
        for verb, operation, row in (("given", pgtrigger.Insert | pgtrigger.Update, "NEW"), ("taken", pgtrigger.Delete, "OLD"))
    ]


class Category(models.Model):
    """A shelf of the catalogue; shelves stand in one another."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    code = models.CharField(max_length=60)
    name = models.CharField(max_length=100)
    active = models.BooleanField(default=True, help_text="Whether it is shown, with all that stands in it.")

    class Meta:
        verbose_name_plural = "categories"
        constraints = [
            models.UniqueConstraint(name="category_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(name="category_once", fields=["brand", "code"]),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="category_stands_in_no_circle",  # one change of a brand's tree at a time, or two could close one
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(new__parent__isnull=False),
                func="""
                    PERFORM pg_advisory_xact_lock(hashtextextended('rewards_category ' || NEW.brand_id, 0));
                    IF NEW.parent_id = NEW.id OR EXISTS (
                        WITH RECURSIVE above(id, parent_id) AS (
                            SELECT id, parent_id FROM rewards_category WHERE id = NEW.parent_id
                            UNION SELECT c.id, c.parent_id FROM rewards_category c JOIN above a ON c.id = a.parent_id
                        ) SELECT FROM above WHERE id = NEW.id
                    ) THEN
                        RAISE EXCEPTION 'a category stands in no circle' USING ERRCODE = 'check_violation',
                            CONSTRAINT = 'category_stands_in_no_circle';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="category_dates",  # its name and code stand in what is told of its gifts
                operation=pgtrigger.Update,
                when=pgtrigger.After,
                condition=pgtrigger.Q(old__name__df=pgtrigger.F("new__name"))
                | pgtrigger.Q(old__code__df=pgtrigger.F("new__code")),
                func="UPDATE rewards_rewardtype SET name = name WHERE category_id = NEW.id; RETURN NULL;",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a parent of another brand, and one that stands in this category itself."""
        above = self.parent
        while above is not None:
            if above.pk == self.pk or above.brand_id != self.brand_id:
                raise ValidationError({"parent": "another category of the brand, which does not stand in this one"})
            above = above.parent


class CategoryText(models.Model):
    """What a category is called in one language."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    category = models.ForeignKey(Category, models.CASCADE, related_name="texts", db_constraint=False)
    language = models.CharField(max_length=8)
    name = models.CharField(max_length=100)

    class Meta:
        constraints = [models.UniqueConstraint(name="category_text_once", fields=["brand", "category", "language"])]
        triggers = _dates("category_text", "category_id = {row}.category_id")

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"

    def clean(self) -> None:
        """Refuse a language that the brand does not speak."""
        brand = Brand.objects.filter(pk=self.category.brand_id).first()
        if brand is not None and self.language not in brand.languages:
            raise ValidationError({"language": f"one of {', '.join(brand.languages)}"})


class Location(models.Model):
    """Where a reward can be used."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    street = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100)
    country = models.CharField(max_length=100, blank=True)
    zip = models.CharField(max_length=20, blank=True)
    geolocation = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(name="location_of_brand", fields=["brand", "id"])]

    def __str__(self) -> str:
        return f"{self.street}, {self.city}".removeprefix(", ")


class RewardType(models.Model):
    """One thing in the catalogue. Rewards of it are handed out exactly as often as there is stock."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    category = models.ForeignKey(Category, models.PROTECT, null=True, blank=True, related_name="+")
    name = models.CharField(max_length=100)
    sku = models.CharField(max_length=60, blank=True, help_text="The shop's own name for it.")
    description = models.TextField(blank=True)
    value = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, help_text="What it is worth, in the brand's currency."
    )
    token = models.ForeignKey(Token, models.PROTECT, related_name="+", help_text="What it is paid with.")
    price = models.BigIntegerField(help_text="Points.")
    stock = models.BigIntegerField(
        null=True, blank=True, help_text="All there ever was; empty: no limit. A pool sets it itself."
    )
    handed_out = models.BigIntegerField(default=0, db_default=0, editable=False)
    member_limit = models.PositiveIntegerField(null=True, blank=True, help_text="How many one member may have.")
    fulfilment = models.CharField(max_length=10, choices=Fulfilment, default=Fulfilment.GENERATED)
    active = models.BooleanField(default=True, help_text="Whether it is offered at all.")
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True, help_text="The first instant at which it is over.")
    website = models.CharField(max_length=300, blank=True, validators=[WEB])
    images = ArrayField(
        models.CharField(max_length=500, validators=[WEB]), default=list, blank=True, help_text="Addresses of pictures."
    )
    locations: "models.ManyToManyField[Location, RewardTypeLocation]" = models.ManyToManyField(
        Location, through="RewardTypeLocation", related_name="+"
    )
    sends_email = models.BooleanField(default=True, help_text="Mail the code to the member.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False, help_text="Kept by the database.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="reward_type_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(name="reward_type_sku_once", fields=["brand", "sku"], condition=~Q(sku="")),
            models.CheckConstraint(name="reward_type_value_not_negative", condition=Q(value__isnull=True) | Q(value__gte=0)),
            models.CheckConstraint(name="reward_type_fulfilment_known", condition=Q(fulfilment__in=Fulfilment.values)),
            models.CheckConstraint(name="reward_type_price_positive", condition=Q(price__gt=0)),
            models.CheckConstraint(
                name="reward_type_within_stock",
                condition=Q(handed_out__gte=0) & (Q(stock__isnull=True) | Q(stock__gte=F("handed_out"))),
            ),
            models.CheckConstraint(
                name="reward_type_pool_has_stock", condition=~Q(fulfilment=Fulfilment.POOL) | Q(stock__isnull=False)
            ),
            models.CheckConstraint(
                name="reward_type_valid_forwards",
                condition=Q(valid_from__isnull=True) | Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from")),
            ),
        ]
        indexes = [models.Index(name="reward_type_changed", fields=["brand", "updated_at", "id"])]
        triggers = [
            pgtrigger.Trigger(
                name="reward_type_dated",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func="""
                    NEW.updated_at = greatest(clock_timestamp(), OLD.updated_at + interval '1 microsecond');
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a token or a category of another brand, and less stock than was handed out; a pool begins empty."""
        if self.stock is not None and self.stock < self.handed_out:
            raise ValidationError({"stock": f"{self.handed_out} were handed out already"})
        if self.fulfilment == Fulfilment.POOL and self.stock is None:
            self.stock = 0
        if not Token.objects.filter(pk=self.token_id, brand_id=self.brand_id, type=TokenType.ERC20).exists():
            raise ValidationError({"token": "a points token of the brand"})
        if self.category is not None and self.category.brand_id != self.brand_id:
            raise ValidationError({"category": "a category of the brand"})

    def is_available(self, at: datetime) -> bool:
        """Whether it can be had at an instant, stock aside."""
        begun = self.valid_from is None or self.valid_from <= at
        return self.active and begun and (self.valid_until is None or self.valid_until > at)

    @property
    def left(self) -> int | None:
        """How many are left; None where there is no limit."""
        return None if self.stock is None else self.stock - self.handed_out


class RewardTypeLocation(models.Model):
    """A reward type can be used at a location."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    reward_type = models.ForeignKey(RewardType, models.CASCADE, related_name="+", db_constraint=False)
    location = models.ForeignKey(Location, models.CASCADE, related_name="+", db_constraint=False)

    class Meta:
        constraints = [models.UniqueConstraint(name="reward_type_location_once", fields=["brand", "reward_type", "location"])]

    def __str__(self) -> str:
        return f"{self.reward_type_id} at {self.location_id}"

    def clean(self) -> None:
        """Refuse a location of another brand."""
        if self.location_id and self.location.brand_id != self.reward_type.brand_id:
            raise ValidationError({"location": "a location of the brand"})


class RewardTypeText(models.Model):
    """What a reward type is called in one language."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    reward_type = models.ForeignKey(RewardType, models.CASCADE, related_name="texts", db_constraint=False)
    language = models.CharField(max_length=8)
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(name="reward_type_text_once", fields=["brand", "reward_type", "language"])]
        triggers = _dates("reward_type_text")

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"

    def clean(self) -> None:
        """Refuse a language that the brand does not speak."""
        brand = Brand.objects.filter(pk=self.reward_type.brand_id).first()
        if brand is not None and self.language not in brand.languages:
            raise ValidationError({"language": f"one of {', '.join(brand.languages)}"})


class RewardTypeSegment(models.Model):
    """A reward type is offered to the members of a segment; tied to none, to everybody."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    reward_type = models.ForeignKey(RewardType, models.CASCADE, related_name="ties", db_constraint=False)
    segment = models.ForeignKey(Segment, models.PROTECT, related_name="+", db_constraint=False)

    class Meta:
        constraints = [models.UniqueConstraint(name="reward_type_segment_once", fields=["brand", "reward_type", "segment"])]
        triggers = _dates("reward_type_tie")

    def __str__(self) -> str:
        return f"{self.reward_type_id} for segment {self.segment_id}"

    def clean(self) -> None:
        """Refuse a segment of another brand."""
        if self.segment_id and self.segment.brand_id != self.reward_type.brand_id:
            raise ValidationError({"segment": "a segment of the brand"})


class PoolDraft(models.Model):
    """A file of coupon codes that someone has uploaded and looked at, and has not yet confirmed."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    reward_type = models.ForeignKey(RewardType, models.CASCADE, related_name="+", db_constraint=False)
    actor = models.CharField(max_length=60)
    text = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"draft {self.pk} for reward type {self.reward_type_id}"
