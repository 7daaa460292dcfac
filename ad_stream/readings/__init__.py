"""A person's file as readings: whatever columns, times and numbers it has, and what was understood of them."""

from ad_stream.readings.model import Readings
from ad_stream.readings.read import ReadOptions, read

__all__ = ["ReadOptions", "Readings", "read"]
