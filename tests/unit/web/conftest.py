from __future__ import annotations

import pytest

from tallymark.web.app import create_app
from tests.asgi import Client
from tests.web_world import World, world


@pytest.fixture
def here() -> World:
    return world()


@pytest.fixture
def client(here: World) -> Client:
    return Client(create_app(here.services))


@pytest.fixture
def reader() -> dict[str, str]:
    return {"Authorization": "Bearer tmk_reader"}
