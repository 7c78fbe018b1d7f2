"""One platform for each process of the test run, healed before each test."""

from collections.abc import Iterator

import pytest

from tests.faults.server import Caller, Platform


@pytest.fixture(scope="session")
def shared_platform(tmp_path_factory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("faults")).running() as platform:
        yield platform


@pytest.fixture
def platform(shared_platform: Platform) -> Iterator[Platform]:
    shared_platform.heal()
    yield shared_platform
    shared_platform.heal()


@pytest.fixture
def caller(platform: Platform) -> Iterator[Caller]:
    with platform.client() as caller:
        yield caller
