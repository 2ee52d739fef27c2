"""What all tests may use."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tlpy.components.sources import sources

UseComponents = Callable[[Path], None]


@pytest.fixture
def use_components() -> Iterator[UseComponents]:
    """Makes a folder the one of own components, as `components:` does, until the test's end."""
    path = list(sys.path)
    yield sources.use
    sources.use(None)
    sys.path[:] = path
