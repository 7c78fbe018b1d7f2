"""The partner programmes that the product knows from the start."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from users.programmes import PROGRAMMES

FIELDS = (
    "implementation_name",
    "name",
    "alphabet",
    "lengths",
    "pattern",
    "usual_pattern",
    "checksum",
    "strength",
    "source",
)


def add(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    """Add every programme."""
    programme = apps.get_model("users", "PartnerProgramme")
    programme.objects.bulk_create([programme(**dict(zip(FIELDS, row, strict=True))) for row in PROGRAMMES])


def remove(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    """Take them away again."""
    names = [row[0] for row in PROGRAMMES]
    apps.get_model("users", "PartnerProgramme").objects.filter(implementation_name__in=names).delete()


class Migration(migrations.Migration):
    """Data only."""

    dependencies = [("users", "0001_initial")]
    operations = [migrations.RunPython(add, remove)]
