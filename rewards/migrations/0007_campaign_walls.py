"""Foreign keys that include the brand, which Django cannot say: no row may point across the wall between brands."""

from django.db import migrations

WALLS = [
    ("rewards_redeemedcodes", "redeemed_codes_campaign_of_brand", "(brand_id, campaign_id)", "rewards_campaign (brand_id, id)"),
]


class Migration(migrations.Migration):
    """Schema only."""

    dependencies = [("rewards", "0006_campaigns")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {columns} REFERENCES {target}",
            f"ALTER TABLE {table} DROP CONSTRAINT {name}",
        )
        for table, name, columns, target in WALLS
    ]
