"""A clock that stands still until it is moved."""

import pytest
import time_machine


@pytest.fixture
def clock():
    with time_machine.travel("2026-06-01T12:00:00Z", tick=False) as clock:
        yield clock
