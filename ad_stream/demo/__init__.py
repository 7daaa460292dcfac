"""`ad-stream demo`: a simulated day, or a person's own file, through the real stream to tables and a report."""

from ad_stream.demo.own import OwnResult, own
from ad_stream.demo.simulated import Result, demo

__all__ = ["OwnResult", "Result", "demo", "own"]
