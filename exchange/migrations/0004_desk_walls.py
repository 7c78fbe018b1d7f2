"""Foreign keys that include the brand, for what staff changed: no row may point across the wall between brands."""

from django.db import migrations

WALLS = [
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
]


class Migration(migrations.Migration):
    """Schema only."""

    dependencies = [("exchange", "0003_desk")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {columns} REFERENCES {target}",
            f"ALTER TABLE {table} DROP CONSTRAINT {name}",
        )
        for table, name, columns, target in WALLS
    ]
