"""Foreign keys that include the brand, of what came with apps."""

from django.db import migrations

WALLS = [
    ("users_consentchange", "consent_member_of_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
    ("users_memberchange", "member_change_of_its_brand", "(brand_id, member_id)", "users_member (brand_id, id)"),
]


class Migration(migrations.Migration):
    """Schema only."""

    dependencies = [("users", "0007_apps")]
    operations = [
        *(
            migrations.RunSQL(
                f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {columns} REFERENCES {target}",
                f"ALTER TABLE {table} DROP CONSTRAINT {name}",
            )
            for table, name, columns, target in WALLS
        ),
    ]
