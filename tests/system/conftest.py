from collections.abc import Iterator
from pathlib import Path
from socket import AF_INET, AF_INET6, AddressFamily

import pytest

from tests.system.clients import SharedFile
from tests.system.harness import Server, Tracker, running_server, running_tracker


@pytest.fixture
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    with running_tracker(tmp_path_factory.mktemp("tracker")) as tracker:
        yield tracker


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests of a module, each of which has torrents of its own."""
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(params=[AF_INET, AF_INET6], ids=["ipv4", "ipv6"])
def family(request: pytest.FixtureRequest) -> AddressFamily:
    chosen: AddressFamily = request.param
    return chosen


@pytest.fixture
def shared(tmp_path: Path) -> SharedFile:
    return SharedFile.create(tmp_path / "seeder")


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    directory = tmp_path / "downloads"
    directory.mkdir()
    return directory
