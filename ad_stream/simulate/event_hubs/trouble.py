"""What readers of the Event Hubs stand-in may have to bear."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Trouble:
    """May be changed while the stand-in runs.

    seconds_per_event   how long each event takes on its way
    busy                so many attempts to read are refused, as when the service throttles
    after               number of events sent from now on -> what happens then, once: `close`, all links are closed as
                        when the service moves a partition; `cut`, all connections break without a word
    """

    seconds_per_event: float = 0.0
    busy: int = 0
    after: dict[int, str] = field(default_factory=dict)

    def throttles(self) -> bool:
        """Whether the next attempt is refused; counts it."""
        refused = self.busy > 0
        self.busy -= refused
        return refused

    def after_event(self) -> str | None:
        """Counts an event that was sent; -> what happens now."""
        self.after = {left - 1: happens for left, happens in self.after.items()}
        return self.after.pop(0, None)
