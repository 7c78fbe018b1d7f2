"""The terms of an exchange: all that decides about one, read by one statement and remembered nowhere.

A partnership that was cancelled or a rate that was changed must not be used once that is committed, so each request
reads them anew.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from exchange.errors import ExchangeNotAllowed
from exchange.models import Provider
from loyalty.database import execute_prepared
from loyalty.errors import LoyaltyError
from users.errors import InvalidExchangeProvider
from users.rules.membership_numbers import Alphabet, Checksum, NumberRule, Strength

# The member is answered even where no partnership is, for the refusals differ. Each form finds its partnerships by an
# index that begins with brand and token A; {chosen} then says which of these few is meant.
_READ = """
SELECT m.id, p.id, p.provider_id, p.partner_brand_id, p.token_b_id, p.rate, p.minimum, p.maximum, p.offramp, p.onramp,
  s.number, p.alphabet, p.lengths, p.pattern, p.usual_pattern, p.checksum, p.strength
FROM users_member m
LEFT JOIN LATERAL (
  SELECT p.id, p.provider_id, p.partner_brand_id, p.token_b_id, p.rate, p.minimum, p.maximum, a.offramp, b.onramp,
    g.id AS programme_id, g.alphabet, g.lengths, g.pattern, g.usual_pattern, g.checksum, g.strength
  FROM exchange_partnership p
  JOIN ledger_token a ON a.id = p.token_a_id
  JOIN ledger_token b ON b.id = p.token_b_id AND b.status = 'active'
  LEFT JOIN exchange_provider v ON v.id = p.provider_id
  LEFT JOIN users_partnerprogramme g ON g.id = v.programme_id
  WHERE p.brand_id = %s::bigint AND p.token_a_id = %s::bigint AND p.state = 'active' AND {chosen}
  ORDER BY p.id LIMIT 1
) p ON true
LEFT JOIN users_membership s ON s.brand_id = m.brand_id AND s.member_id = m.id
  AND (s.programme_id = p.programme_id OR s.partner_brand_id = p.partner_brand_id)
WHERE m.brand_id = %s::bigint AND m.auth_id = %s::text
"""
INTO_TOKEN = _READ.format(chosen="p.token_b_id = %s::bigint")
INTO_MILES = _READ.format(chosen="g.implementation_name = %s::text")


class Agreed(NamedTuple):
    """The active partnership: where the points go, at which rates and how many; off- and on-ramp are its tokens'."""

    id: int
    provider_id: int | None
    partner_brand_id: int | None
    token_b_id: int
    rate: Decimal | None
    minimum: int
    maximum: int
    offramp: Decimal | None
    onramp: Decimal | None


class Terms(NamedTuple):
    """Who asks, what is agreed (None: nothing is), and the number that the member stored there, with its rule.

    Where the points go to a brand of this house there is no rule: the number is the name of a member there.
    """

    member_id: int
    agreed: Agreed | None
    stored_number: str | None
    rule: NumberRule | None


def read_terms(
    *, brand_id: int, auth_id: str, token_a_id: int, token_b_id: int | None, provider_name: str | None
) -> Terms | None:
    """The terms as they are committed now; None when there is no such member. Token B goes before a provider's name."""
    if "\x00" in auth_id:  # the one character that PostgreSQL's text cannot hold
        return None
    name = None if "\x00" in (provider_name or "") else provider_name
    statement, chosen = (INTO_MILES, name) if token_b_id is None else (INTO_TOKEN, token_b_id)
    rows = execute_prepared(statement, [brand_id, token_a_id, chosen, brand_id, auth_id])
    if not rows:
        return None
    member_id, *row = rows[0]
    if row[0] is None:
        return Terms(member_id, None, None, None)
    return Terms(member_id, Agreed(*row[:9]), row[9], _rule(row[10:]) if row[10] is not None else None)


def why_no_terms(*, brand_id: int, token_b_id: int | None, provider_name: str | None) -> LoyaltyError:
    """The refusal where nothing is agreed: InvalidExchangeProvider, or ExchangeNotAllowed."""
    name = provider_name or ""
    named = Provider.objects.filter(brand_id=brand_id, programme__implementation_name=name)
    if token_b_id is None and ("\x00" in name or not named.exists()):
        return InvalidExchangeProvider()
    return ExchangeNotAllowed()


def _rule(row: Sequence[Any]) -> NumberRule:
    alphabet, lengths, pattern, usual_pattern, checksum, strength = row
    return NumberRule(
        alphabet=Alphabet(alphabet),
        lengths=tuple(lengths),
        pattern=pattern,
        usual_pattern=usual_pattern,
        checksum=Checksum(checksum),
        strength=Strength(strength),
    )
