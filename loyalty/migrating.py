"""An operation for migrations, which Django and django-pgtrigger lack."""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from pgtrigger.migrations import AddTrigger


class InstallTriggers(Operation):
    """Install the triggers that tables were made with (`triggers` among the options of CreateModel).

    To add them one by one makes Django build every model anew for each of them, which takes most of a migration's time.
    """

    reduces_to_sql = True

    def __init__(self, model_names: list[str]) -> None:
        self.model_names = model_names

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Nothing: the tables' options name their triggers already."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Install them."""
        for name, trigger in self._triggers(app_label, to_state):
            AddTrigger(name, trigger).database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Take them away."""
        for name, trigger in self._triggers(app_label, from_state):
            AddTrigger(name, trigger).database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        """What is done."""
        return f"Install the triggers of {', '.join(self.model_names)}"

    def _triggers(self, app_label: str, state: ProjectState) -> list[tuple[str, Any]]:
        models = [(name, state.models[app_label, name.lower()]) for name in self.model_names]
        return [(name, trigger) for name, model in models for trigger in model.options["triggers"]]
