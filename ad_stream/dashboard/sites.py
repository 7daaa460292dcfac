"""Which site each device belongs to, as numbers; worked out once per device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.dashboard.verdict_arrays import Names
    from ad_stream.model import Bools

    Ints = NDArray[np.int64]

NO_SITE = "(no site)"
"""What the devices together are called whose name says no site."""
SiteOf = Callable[[str], str | None]


class Sites:
    """site_of: the site of a device's name, None where it says none; without it nothing has a site."""

    def __init__(self, site_of: SiteOf | None = None) -> None:
        self._site_of = site_of
        self._known: Names | None = None
        self._numbers: dict[str, int] = {}
        self._of: list[int] = []

    def of_series(self, names: Names) -> Ints:
        """(series,): number of each series' site, a place in `labels`."""
        of_devices: Ints = np.array(self._of_devices(names), dtype=np.int64)
        return of_devices[names.device_of] if len(of_devices) else names.device_of

    def labels(self, names: Names) -> list[str]:
        """The sites in the order of their numbers."""
        self._of_devices(names)
        return list(self._numbers)

    def chosen(self, names: Names, label: str) -> Bools:
        """(series,): those of the site `label`."""
        series = self.of_series(names)
        mask: Bools = series == self._numbers.get(label, -1)
        return mask

    def sorted_labels(self, names: Names) -> list[str]:
        """The sites as a page offers them, those without one last; none where no device has a site."""
        known = sorted(label for label in self.labels(names) if label != NO_SITE)
        return [*known, NO_SITE] if known and NO_SITE in self._numbers else known

    def _of_devices(self, names: Names) -> list[int]:
        if names is not self._known:  # the tables were made anew
            self._known, self._numbers, self._of = names, {}, []
        for device in names.devices[len(self._of) :]:
            label = (self._site_of(device) if self._site_of else None) or NO_SITE
            self._of.append(self._numbers.setdefault(label, len(self._numbers)))
        return self._of
