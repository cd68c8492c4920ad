"""What all tests share: none leaves a user's plug-ins to the others."""

from collections.abc import Iterator

import pytest

from seqtrain import plugins


@pytest.fixture(autouse=True)
def no_user_directory_stays() -> Iterator[None]:
    """Forget the user directories that a test has imported."""
    before = set(plugins.user_directories())
    yield
    for directory in set(plugins.user_directories()) - before:
        plugins.forget_user_directory(directory)
