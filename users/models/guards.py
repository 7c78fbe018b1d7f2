"""What guards rows in the database itself, beside the models that ask for it."""

import pgtrigger
from django.db.models import Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact


class AppendOnlyError(TypeError):
    """Someone tried to change or delete a stored row that stays as it was written."""


def append_only(name: str) -> list[pgtrigger.Trigger]:
    """Triggers that refuse every change of stored rows, whoever asks."""
    return [pgtrigger.Protect(name=f"{name}_no_update", operation=pgtrigger.Update), *kept(name)]


def kept(name: str) -> list[pgtrigger.Trigger]:
    """Triggers that refuse to lose stored rows, whoever asks: row triggers let TRUNCATE pass, so it has its own."""
    return [
        pgtrigger.Protect(name=f"{name}_no_delete", operation=pgtrigger.Delete),
        pgtrigger.Trigger(
            name=f"{name}_no_truncate",
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            operation=pgtrigger.Truncate,
            func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;",
        ),
    ]


def is_digest(column: str) -> Q:
    """A column holds exactly 32 bytes."""
    return Q(Exact(Length(column), 32))


TOLD = ("auth_id", "email", "first_name", "second_name", "language", "consent")


def members_logged() -> list[pgtrigger.Trigger]:
    """Triggers of the members' table that write the log of changes (MemberChange), whoever changes a member.

    One call for each statement: called for each row, they would take ever longer the more rows a statement writes.
    """
    changed = " OR ".join(f"o.{name} IS DISTINCT FROM n.{name}" for name in TOLD)
    return [
        pgtrigger.Trigger(
            name="member_came",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            referencing=pgtrigger.Referencing(new="came"),  # type: ignore[no-untyped-call]
            func="INSERT INTO users_memberchange (brand_id, member_id) SELECT brand_id, id FROM came; RETURN NULL;",
        ),
        pgtrigger.Trigger(
            name="member_changed",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Update,
            referencing=pgtrigger.Referencing(old="before", new="after"),  # type: ignore[no-untyped-call]
            func=f"""
                INSERT INTO users_memberchange (brand_id, member_id, name)
                SELECT n.brand_id, n.id, CASE WHEN n.auth_id IS NULL THEN o.auth_id END
                FROM before o JOIN after n ON n.id = o.id WHERE {changed};
                RETURN NULL;
            """,  # noqa: S608 - names of our own
        ),
    ]
