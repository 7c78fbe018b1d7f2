"""Foreign keys that include the brand, which Django cannot say: no e-mail may name a member of another brand."""

from django.db import migrations


class Migration(migrations.Migration):
    """Schema only."""

    dependencies = [("users", "0002_partner_programmes")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE users_email ADD CONSTRAINT email_member_of_brand"
            " FOREIGN KEY (brand_id, member_id) REFERENCES users_member (brand_id, id)",
            "ALTER TABLE users_email DROP CONSTRAINT email_member_of_brand",
        ),
    ]
