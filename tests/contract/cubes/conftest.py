from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tallymark.state.database import Databases
from tests.contract.cubes.house import House

MakeHouse = Callable[..., House]


@pytest.fixture
def make_house(databases: Databases, home: Path) -> Iterator[MakeHouse]:
    made: list[House] = []

    def make(**options: Any) -> House:
        house = House(databases, home, **options)
        made.append(house)
        return house

    yield make
    for house in made:
        house.reader.close()


@pytest.fixture
def house(make_house: MakeHouse) -> House:
    return make_house()
