"""The house keeps its shape: who may import whom, who may write what, how large things get."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("loyalty", "users", "ledger", "rewards", "exchange")
TOP_LEVEL = {"manage.py", "pyproject.toml", "README.md", "uv.lock", "templates", "tests", *ROOMS}
LEDGER_TABLES = "transaction|account|lot|note|tally|tallymark|dailyflow|openlots|proofrun"
WRITING_SQL = re.compile(rf"\b(INSERT INTO|UPDATE|DELETE FROM|TRUNCATE)\s+ledger_({LEDGER_TABLES})\b", re.IGNORECASE)
LEDGER_WRITERS = {
    "ledger/services/statement.py",
    "ledger/services/posting.py",
    "ledger/services/closing.py",
    "ledger/services/tallying.py",
    "ledger/services/proof_runs.py",
}
LEDGER_MODELS = {"Transaction", "Account", "Lot", "Note", "Tally", "TallyMark", "DailyFlow", "OpenLots", "ProofRun"}
WRITING = {"create", "bulk_create", "update", "bulk_update", "delete", "save", "get_or_create", "update_or_create"}


def sources(*rooms: str) -> Iterator[tuple[str, str]]:
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path.read_text()


def names_in(node: ast.AST) -> set[str]:
    return {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}


def writes_to_ledger(text: str) -> list[int]:
    """Lines that call a writing method on something that names a ledger model, or write SQL on its tables."""
    tree, lines = ast.parse(text), []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr=verb)) if verb in WRITING and names_in(owner) & LEDGER_MODELS:
                lines.append(node.lineno)
            case ast.Constant(value=str(sql)) if WRITING_SQL.search(sql):
                lines.append(node.lineno)
    return lines


def test_only_the_ledgers_services_write_its_rows():
    found = {name: writes_to_ledger(text) for name, text in sources(*ROOMS)}

    assert {name for name, lines in found.items() if lines} <= LEDGER_WRITERS


def test_the_check_for_ledger_writers_sees_writers():
    assert writes_to_ledger("Transaction.objects.create(amount=1)")
    assert writes_to_ledger("Lot.objects.filter(pk=1).update(remaining=0)")
    assert writes_to_ledger('cursor.execute("UPDATE ledger_account SET balance = 1")')
    assert not writes_to_ledger("Token.objects.create(name='x')")


def test_one_statement_alone_inserts_transactions():
    found = [name for name, text in sources(*ROOMS) if re.search(r"INSERT INTO ledger_transaction", text)]

    assert found == ["ledger/services/statement.py"]


def test_imports_keep_the_contracts():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("room", ["users", "ledger", "rewards", "exchange"])
def test_services_and_selectors_know_no_http(room):
    found = [
        name
        for name, text in sources(room)
        if not name.endswith("/admin.py")
        and re.search(r"^\s*(from|import) (django\.http|django\.urls|rest_framework|django\.shortcuts)", text, re.MULTILINE)
    ]

    assert found == []


def test_functions_fit_a_screen_and_files_stay_short():
    files = list(sources(*ROOMS, "tests"))

    long_files = [name for name, text in files if text.count("\n") > 400]
    long_functions = [
        f"{name}:{node.lineno} {node.name}"
        for name, text in files
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno + 1 > 40
    ]
    assert (long_files, long_functions) == ([], [])


def test_the_top_level_is_as_drawn():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()

    assert {name.split("/")[0] for name in tracked if not name.startswith(".")} <= TOP_LEVEL


def test_every_unique_constraint_of_a_brands_table_starts_with_the_brand():
    from django.apps import apps
    from django.db.models import UniqueConstraint

    owned = [model for model in apps.get_models() if model._meta.app_label in {"users", "ledger", "rewards", "exchange", "api"}]

    strays = [
        constraint.name
        for model in owned
        if "brand" in {field.name for field in model._meta.fields}
        for constraint in model._meta.constraints
        if isinstance(constraint, UniqueConstraint) and constraint.fields[0] != "brand"
    ]
    assert strays == []


def test_no_model_has_an_ordering():
    from django.apps import apps

    owned = [model for model in apps.get_models() if model._meta.app_label in {"users", "ledger", "rewards", "exchange", "api"}]

    assert [model for model in owned if model._meta.ordering] == []


def test_migrations_are_complete(db):
    from django.core.management import call_command

    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
