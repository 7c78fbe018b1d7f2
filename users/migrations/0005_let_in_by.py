"""Who may be able to sign in as someone of the staff, for they made the way in."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Schema only."""

    dependencies = [("users", "0004_authenticator")]
    operations = [
        migrations.AddField(
            model_name="staff",
            name="let_in_by",
            field=models.ManyToManyField(
                blank=True,
                editable=False,
                help_text="Whoever may be able to sign in as this one, for they made the way in; superusers of the house are not told.",
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
