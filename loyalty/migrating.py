"""Operations for migrations, which Django and django-pgtrigger lack."""

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.models import CreateModel
from django.db.migrations.state import ProjectState
from pgtrigger.migrations import AddTrigger


class CreateModels(Operation):
    """Create many tables.

    To create them one by one makes Django build anew, for each, every model that it touches: half of a migration's time.
    """

    reduces_to_sql = True

    def __init__(self, models: Sequence[CreateModel]) -> None:
        self.models = models

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """All of them are known from now on."""
        state.__dict__.pop("apps", None)  # what was built is built anew, once, when it is asked for
        for model in self.models:
            model.state_forwards(app_label, state)

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Create them, in order."""
        for model in self.models:
            model.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Drop them, the last one first."""
        for model in reversed(self.models):
            model.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        """What is done."""
        return f"Create models {', '.join(model.name for model in self.models)}"


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
