"""A foreign key that includes the brand, which Django cannot say: no key may follow one of another brand."""

from django.db import migrations


class Migration(migrations.Migration):
    """Schema only."""

    dependencies = [("users", "0006_integrations")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE users_apikey ADD CONSTRAINT api_key_follows_of_brand"
            " FOREIGN KEY (brand_id, replaces_id) REFERENCES users_apikey (brand_id, id)",
            "ALTER TABLE users_apikey DROP CONSTRAINT api_key_follows_of_brand",
        )
    ]
