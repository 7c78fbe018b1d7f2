"""Foreign keys that include the brand, which Django cannot say: no row may point across the wall between brands."""

from django.db import migrations

WALLS = [
    ("rewards_pooldraft", "pool_draft_type_of_brand", "(brand_id, reward_type_id)", "rewards_rewardtype (brand_id, id)"),
]


class Migration(migrations.Migration):
    """Schema only."""

    dependencies = [("rewards", "0010_pool_drafts")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {columns} REFERENCES {target}",
            f"ALTER TABLE {table} DROP CONSTRAINT {name}",
        )
        for table, name, columns, target in WALLS
    ]
