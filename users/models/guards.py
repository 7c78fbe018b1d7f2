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


def members_logged() -> list[pgtrigger.Trigger]:
    """Triggers of the members' table that write the log of changes (MemberChange), whoever changes a member."""
    told = ("auth_id", "email", "first_name", "second_name", "language", "consent")
    changed = pgtrigger.Q(**{f"old__{told[0]}__df": pgtrigger.F(f"new__{told[0]}")})
    for name in told[1:]:
        changed |= pgtrigger.Q(**{f"old__{name}__df": pgtrigger.F(f"new__{name}")})
    return [
        pgtrigger.Trigger(
            name="member_came",
            operation=pgtrigger.Insert,
            when=pgtrigger.After,
            func="INSERT INTO users_memberchange (brand_id, member_id) VALUES (NEW.brand_id, NEW.id); RETURN NULL;",
        ),
        pgtrigger.Trigger(
            name="member_changed",
            operation=pgtrigger.Update,
            when=pgtrigger.After,
            condition=changed,
            func="""
                INSERT INTO users_memberchange (brand_id, member_id, name)
                VALUES (NEW.brand_id, NEW.id, CASE WHEN NEW.auth_id IS NULL THEN OLD.auth_id END);
                RETURN NULL;
            """,
        ),
    ]
