"""Foreign keys that include the brand, which Django cannot say: no row may point across the wall between brands.

They also spare the brand's row a lock for each posting. Accounts keep room in their pages, so that changing a balance
touches no index.
"""

from django.db import migrations

WALLS = [
    ("ledger_account", "account_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("ledger_account", "account_token_of_brand", "(brand_id, token_id)", "ledger_token (brand_id, id)"),
    ("ledger_transaction", "transaction_account_of_brand", "(brand_id, account_id)", "ledger_account (brand_id, id)"),
    ("ledger_lot", "lot_account_of_brand", "(brand_id, account_id)", "ledger_account (brand_id, id)"),
    ("ledger_dailyflow", "daily_flow_token_of_brand", "(brand_id, token_id)", "ledger_token (brand_id, id)"),
    ("ledger_openlots", "open_lots_token_of_brand", "(brand_id, token_id)", "ledger_token (brand_id, id)"),
]


class Migration(migrations.Migration):
    """Schema only."""

    dependencies = [("ledger", "0001_initial"), ("users", "0003_walls")]
    operations = [
        *(
            migrations.RunSQL(
                f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {columns} REFERENCES {target}",
                f"ALTER TABLE {table} DROP CONSTRAINT {name}",
            )
            for table, name, columns, target in WALLS
        ),
        migrations.RunSQL(
            "ALTER TABLE ledger_account SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05)",
            "ALTER TABLE ledger_account RESET (fillfactor, autovacuum_vacuum_scale_factor)",
        ),
        migrations.RunSQL(
            "ALTER TABLE ledger_lot SET (fillfactor = 80)",
            "ALTER TABLE ledger_lot RESET (fillfactor)",
        ),
    ]
