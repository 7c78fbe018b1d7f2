"""Partner programmes, and members' numbers in them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from users.models.brands import Brand
from users.models.members import Member
from users.rules.membership_numbers import Alphabet, Checksum, NumberRule, Strength


class PartnerProgramme(models.Model):
    """An airline's or hotel's programme, with the rule for its membership numbers kept as data.

    Almost no programme publishes its rule, so each says where it comes from and how far it is trusted.
    """

    implementation_name = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=100)
    alphabet = models.CharField(max_length=12, choices=[(item.value, item.value) for item in Alphabet])
    lengths = ArrayField(models.PositiveSmallIntegerField(), help_text="Lengths a number may have; empty: any up to 32.")
    pattern = models.CharField(max_length=200, help_text="A group called number, where there is one, is what is kept.")
    usual_pattern = models.CharField(max_length=200, blank=True, help_text="Numbers outside it only warn staff.")
    checksum = models.CharField(max_length=8, choices=[(item.value, item.value) for item in Checksum])
    strength = models.CharField(max_length=8, choices=[(item.value, item.value) for item in Strength])
    source = models.TextField(help_text="Where the rule comes from, and how sure it is.")

    def __str__(self) -> str:
        return self.name

    @property
    def rule(self) -> NumberRule:
        """The rule for this programme's numbers, as the pure functions take it."""
        return NumberRule(
            alphabet=Alphabet(self.alphabet),
            lengths=tuple(self.lengths),
            pattern=self.pattern,
            usual_pattern=self.usual_pattern,
            checksum=Checksum(self.checksum),
            strength=Strength(self.strength),
        )


class Membership(models.Model):
    """A member's number in a partner programme, or at a brand of this house."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="memberships", db_index=False)
    programme = models.ForeignKey(PartnerProgramme, models.PROTECT, null=True, related_name="+", db_index=False)
    partner_brand = models.ForeignKey(Brand, models.PROTECT, null=True, related_name="+", db_index=False)
    number = models.CharField(max_length=255)
    warning = models.CharField(max_length=200, blank=True, help_text="What is unusual about the number, for staff.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(name="membership_programme_once", fields=["brand", "member", "programme"]),
            models.UniqueConstraint(name="membership_brand_once", fields=["brand", "member", "partner_brand"]),
            models.CheckConstraint(
                name="membership_one_target",
                condition=Q(programme__isnull=False, partner_brand__isnull=True)
                | Q(programme__isnull=True, partner_brand__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                name="membership_at_brand", fields=["partner_brand", "number"], condition=Q(partner_brand__isnull=False)
            ),
            models.Index(name="membership_of_number", fields=["brand", "number"]),
        ]

    def __str__(self) -> str:
        return f"{self.programme or self.partner_brand} of {self.member}"
