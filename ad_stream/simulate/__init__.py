"""Devices with known faults, a person's own CSV in the same envelope, and a receiver for Power BI pushes."""

from ad_stream.simulate.devices.fault import Fault
from ad_stream.simulate.devices.faults import FaultPlan
from ad_stream.simulate.devices.run import simulate
from ad_stream.simulate.devices.truth import Truth, read_truth

__all__ = ["Fault", "FaultPlan", "Truth", "read_truth", "simulate"]
