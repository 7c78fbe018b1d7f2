"""Foreign keys that include the brand, which Django cannot say: no row may point across the wall between brands."""

from django.db import migrations

WALLS = [
    ("rewards_giftordermove", "gift_order_move_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
]


class Migration(migrations.Migration):
    """Schema only."""

    dependencies = [("rewards", "0008_members"), ("users", "0013_members_walls")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {columns} REFERENCES {target}",
            f"ALTER TABLE {table} DROP CONSTRAINT {name}",
        )
        for table, name, columns, target in WALLS
    ]
