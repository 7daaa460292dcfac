"""Fleet and faults become readings: what each message holds, when it is sent, and when the hub has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.simulate.devices.fault import ALL_SIGNALS, SIGNAL_SILENCE, SILENCES, Fault
from ad_stream.simulate.devices.fleet import MINUTES_PER_DAY, SIGNALS, SimulatedFleet
from ad_stream.simulate.envelope import epoch_ms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

MINUTE_MS = 60_000
_DECIMALS = 4
# Sent in the first 57 s and underway for 2 s at most, a message is enqueued in the minute it was sent in, so that a
# run over device time and one over enqueued time see the same minutes.
_SENDING_MS = 57_000
_DELAY_MS = (50, 2_000)


@dataclass(frozen=True)
class Block:
    """Some minutes of the whole fleet.

    values    (devices, t, messages, signals) float64, as sent: rounded, faults applied
    sent      (devices, t, messages) int64, the device's clock, ms since 1970 UTC
    enqueued  (devices, t, messages) int64, the hub's clock
    silent    (devices, t) bool, nothing was sent
    missing   (devices, t, signals) bool, the messages do not name the signal
    """

    values: Floats
    sent: NDArray[np.int64]
    enqueued: NDArray[np.int64]
    silent: Bools
    missing: Bools


@dataclass(frozen=True)
class Series:
    """The readings of a run, a pure function of the fleet's seed and the minute: any cut gives the same messages."""

    fleet: SimulatedFleet
    faults: tuple[Fault, ...]
    start: datetime
    messages_per_minute: int

    def block(self, first: int, stop: int) -> Block:
        """The minutes first..stop-1, counted from the start of the run."""
        values, sent, enqueued = self._without_stuck(first, stop)
        silent, missing = np.zeros(values.shape[:2], bool), np.zeros((*values.shape[:2], len(SIGNALS)), bool)
        for fault, device, signals, rows in self._touching(first, stop):
            if fault.kind == SIGNAL_SILENCE:
                missing[device, rows, signals] = True
            elif fault.kind in SILENCES:
                silent[device, rows] = True
            elif fault.kind == "stuck":
                before = max(fault.span(self.start)[0] - 1, 0)
                values[device, rows, :, signals] = self._without_stuck(before, before + 1)[0][device, 0, -1, signals]
        return Block(values, sent, enqueued, silent, missing)

    def _without_stuck(self, first: int, stop: int) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
        drawn = [self._draw(minute) for minute in range(first, stop)]
        noise, sending, delay = (np.stack(part, axis=1) for part in zip(*drawn, strict=True))
        of_day = self.start.hour * 60 + self.start.minute + np.arange(first, stop)
        smooth = self.fleet.cycle((of_day % MINUTES_PER_DAY).astype(np.float64))
        for fault, device, signals, rows in self._touching(first, stop):
            begin = fault.span(self.start)[0]
            if fault.sigma:
                added = fault.profile()[first + rows.start - begin : first + rows.stop - begin]
                smooth[device, rows, signals] += added * self.fleet.sigma[device, signals]
        values = np.round(smooth[:, :, None, :] + noise, _DECIMALS)
        minute_starts = self.start_ms + MINUTE_MS * np.arange(first, stop, dtype=np.int64)
        sent = minute_starts[None, :, None] + sending
        return values, sent, sent + delay

    def _draw(self, minute: int) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
        """Noise, ms within the minute, ms underway; each (devices, messages, ...)."""
        rng = np.random.default_rng([self.fleet.seed, 4, minute])
        messages = self.messages_per_minute
        noise = self.fleet.noise(rng, messages)
        shape = noise.shape[:2]
        slot = (np.arange(messages) + rng.uniform(0.05, 0.95, shape)) / messages
        return noise, (slot * _SENDING_MS).astype(np.int64), rng.integers(*_DELAY_MS, shape)

    def _touching(self, first: int, stop: int) -> list[tuple[Fault, int, slice | int, slice]]:
        """The faults that touch these minutes: with the device, its signals, and the rows of the block."""
        found: list[tuple[Fault, int, slice | int, slice]] = []
        for fault in self.faults:
            begin, end = fault.span(self.start)
            if begin < stop and end > first:
                device = self.fleet.device_ids.index(fault.device_id)
                signals = slice(None) if fault.signal == ALL_SIGNALS else SIGNALS.index(fault.signal)
                found.append((fault, device, signals, slice(max(begin, first) - first, min(end, stop) - first)))
        return found

    @property
    def start_ms(self) -> int:
        """The start, ms since 1970 UTC."""
        return epoch_ms(self.start)
