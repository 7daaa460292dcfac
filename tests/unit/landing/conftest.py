"""The database server of this folder's tests is that of the readers' tests."""

from tests.unit.readers.conftest import database

__all__ = ["database"]
