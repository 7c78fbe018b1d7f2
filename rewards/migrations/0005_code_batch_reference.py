"""The name of the form that a batch of codes was ordered with, so that a form sent twice orders once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Schema only."""

    dependencies = [("rewards", "0004_code_list")]
    operations = [
        migrations.AddField(
            model_name="codebatch",
            name="reference",
            field=models.CharField(
                editable=False,
                help_text="The form it was ordered with: sent twice, it orders once.",
                max_length=64,
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="codebatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reference__isnull", False)),
                fields=("brand", "reference"),
                name="code_batch_of_form_once",
            ),
        ),
    ]
