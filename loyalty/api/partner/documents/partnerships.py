"""The exchange whitelist."""

from loyalty.api.partner import examples
from loyalty.api.partner.shapes import partnerships
from loyalty.api.schema import documented

list_partnerships = documented(
    operation="list_token_exchange_whitelist",
    tag="Transactions",
    description="List the brand's active one-way partnerships: into which tokens its points may be exchanged, and how.",
    answer=(200, partnerships.PartnershipsAnswer),
    example=examples.PARTNERSHIPS,
    refusals={},
)
