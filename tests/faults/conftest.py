"""Where the tests of killed processes happen."""

from collections.abc import Iterator

import pytest

from .installation import Installation, installed

PEOPLE = """
from churnguard import seeding
seeding.seed_companies()
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request, tmp_path) -> Iterator[Installation]:
    """Two companies with people, a beat, and no worker yet; on both engines, for the same rows run through both."""
    with installed(tmp_path, request.param) as installation:
        installation.django(PEOPLE)
        installation.start("beat")
        yield installation
