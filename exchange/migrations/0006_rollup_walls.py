"""Foreign keys that include the brand, which Django cannot say: no row may point across the wall between brands."""

from django.db import migrations

WALLS = [
    (
        "exchange_dailyexchanges",
        "daily_exchanges_provider_of_brand",
        "(brand_id, provider_id)",
        "exchange_provider (brand_id, id)",
    ),
]


class Migration(migrations.Migration):
    """Schema only."""

    dependencies = [("exchange", "0005_rollups")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {columns} REFERENCES {target}",
            f"ALTER TABLE {table} DROP CONSTRAINT {name}",
        )
        for table, name, columns, target in WALLS
    ]
