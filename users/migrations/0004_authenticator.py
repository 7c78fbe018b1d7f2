"""The app that makes one-time codes: its table is of another app, whose rows point to ours."""

from django.db import migrations


class Migration(migrations.Migration):
    """Names alone, no schema."""

    dependencies = [("otp_totp", "0003_add_timestamps"), ("users", "0003_walls")]
    operations = [
        migrations.CreateModel(
            name="Authenticator",
            fields=[],
            options={
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("otp_totp.totpdevice",),
        ),
    ]
