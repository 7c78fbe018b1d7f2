"""Foreign keys that include the brand, which Django cannot say: no row may point across the wall between brands."""

from django.db import migrations

WALLS = [
    ("ledger_dailyflow", "daily_flow_token_of_brand", "(brand_id, token_id)", "ledger_token (brand_id, id)"),
    ("ledger_openlots", "open_lots_token_of_brand", "(brand_id, token_id)", "ledger_token (brand_id, id)"),
]


class Migration(migrations.Migration):
    """Schema only."""

    dependencies = [("ledger", "0004_rollups")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {columns} REFERENCES {target}",
            f"ALTER TABLE {table} DROP CONSTRAINT {name}",
        )
        for table, name, columns, target in WALLS
    ]
