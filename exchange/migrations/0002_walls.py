"""Foreign keys that include the brand, which Django cannot say: no row may point across the wall between brands.

Token B is another brand's where points go there, so it has none.
"""

from django.db import migrations

WALLS = [
    ("exchange_provider", "provider_token_of_brand", "(brand_id, token_id)", "ledger_token (brand_id, id)"),
    ("exchange_partnership", "partnership_token_of_brand", "(brand_id, token_a_id)", "ledger_token (brand_id, id)"),
    ("exchange_partnership", "partnership_provider_of_brand", "(brand_id, provider_id)", "exchange_provider (brand_id, id)"),
    ("exchange_partnership", "partnership_token_of_partner", "(partner_brand_id, token_b_id)", "ledger_token (brand_id, id)"),
    (
        "exchange_exchangeorder",
        "exchange_partnership_of_brand",
        "(brand_id, partnership_id)",
        "exchange_partnership (brand_id, id)",
    ),
    ("exchange_exchangeorder", "exchange_provider_of_brand", "(brand_id, provider_id)", "exchange_provider (brand_id, id)"),
    ("exchange_exchangeorder", "exchange_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("exchange_exchangeattempt", "exchange_attempt_of_brand", "(brand_id, order_id)", "exchange_exchangeorder (brand_id, id)"),
    ("exchange_accrualfile", "accrual_provider_of_brand", "(brand_id, provider_id)", "exchange_provider (brand_id, id)"),
    ("exchange_accrualrecord", "accrual_file_of_its_brand", "(brand_id, file_id)", "exchange_accrualfile (brand_id, id)"),
    ("exchange_accrualrecord", "accrual_order_of_brand", "(brand_id, order_id)", "exchange_exchangeorder (brand_id, id)"),
    ("exchange_answerfile", "answer_provider_of_brand", "(brand_id, provider_id)", "exchange_provider (brand_id, id)"),
    ("exchange_answerfile", "answer_to_file_of_brand", "(brand_id, answers_id)", "exchange_accrualfile (brand_id, id)"),
    ("exchange_difference", "difference_provider_of_brand", "(brand_id, provider_id)", "exchange_provider (brand_id, id)"),
    ("exchange_difference", "difference_order_of_brand", "(brand_id, order_id)", "exchange_exchangeorder (brand_id, id)"),
    ("exchange_exchangemove", "exchange_move_of_brand", "(brand_id, order_id)", "exchange_exchangeorder (brand_id, id)"),
    (
        "exchange_partnershipchange",
        "change_partnership_of_brand",
        "(brand_id, partnership_id)",
        "exchange_partnership (brand_id, id)",
    ),
    (
        "exchange_partnership",
        "partnership_proposal_of_its_own",
        "(brand_id, id, proposal_id)",
        "exchange_partnershipchange (brand_id, partnership_id, id)",
    ),
    ("exchange_providerchange", "change_provider_of_brand", "(brand_id, provider_id)", "exchange_provider (brand_id, id)"),
    (
        "exchange_dailyexchanges",
        "daily_exchanges_provider_of_brand",
        "(brand_id, provider_id)",
        "exchange_provider (brand_id, id)",
    ),
]


class Migration(migrations.Migration):
    """Schema only."""

    dependencies = [("exchange", "0001_initial"), ("ledger", "0002_walls")]
    operations = [
        *(
            migrations.RunSQL(
                f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {columns} REFERENCES {target}",
                f"ALTER TABLE {table} DROP CONSTRAINT {name}",
            )
            for table, name, columns, target in WALLS
        ),
    ]
