"""Every detector as the quality harness wants it: `function(windows (n, W)) -> (scores (n,), flags (n,))`.

`<name>.points` is the window the detector wants; a score is NaN where it could not judge. `joint` and `relation` judge several
signals: `function(train (n, d), test (m, d), interval_s) -> (scores (m,), contributions (m, d))`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ad_stream.detectors import by_name
from ad_stream.model import Windows

if TYPE_CHECKING:
    from ad_stream.model import Bools, Floats


class Adapter:
    """Calls one detector by its name, at the length of the windows it is handed; one that learns, without anything learned."""

    def __init__(self, name: str) -> None:
        self.__name__ = name
        self.points = by_name(name).points

    def __call__(self, windows: Floats) -> tuple[Floats, Bools]:
        """(n, W) -> scores (n,), flags (n,); all NaN where W is less than the detector's min_points."""
        own = by_name(self.__name__)
        detector = by_name(self.__name__, points=max(windows.shape[-1], own.min_points))
        verdict = detector.detect_last(Windows(windows))
        return verdict.score, verdict.is_anomaly


default = Adapter("default")
spectral_residual = Adapter("spectral_residual")
service = Adapter("service")
differences = Adapter("differences")
moving_average = Adapter("moving_average")
gated = Adapter("gated")
seasonal_naive = Adapter("seasonal_naive")
ar = Adapter("ar")
seasonal_baseline = Adapter("seasonal_baseline")
seasonal = Adapter("seasonal")
isolation_forest = Adapter("isolation_forest")
s_h_esd = Adapter("s_h_esd")
rrcf = Adapter("rrcf")
sr_cnn = Adapter("sr_cnn")
drift = Adapter("drift")
stuck = Adapter("stuck")


def answer(request: dict[str, Any], mode: str) -> dict[str, Any]:
    """The retired service's answer to one request, `mode` 'last' or 'entire', for the conformance harness."""
    from ad_stream.azure_api.answer import answer as ask

    return ask(request, mode)


def joint(train: Floats, test: Floats, interval_s: float) -> tuple[Floats, Floats]:
    """Rows of usual operation and the rows that follow them, NaN = no value -> scores, shares of the signals."""
    from ad_stream.detectors.joint import judge_many
    from ad_stream.detectors.joint import train as learn

    model = learn(train.T, [str(place) for place in range(train.shape[1])], step_seconds=interval_s)
    verdicts, _ = judge_many([model], test.T[None])
    return verdicts.score[0], verdicts.contribution[0].T


def relation(train: Floats, test: Floats, interval_s: float) -> tuple[Floats, Floats]:  # noqa: ARG001 - free of scale
    """The floor that `joint` has to beat, as `joint` is called."""
    from ad_stream.detectors.joint.floor import relation as floor

    scores, contributions = floor(train.T, test.T)
    return scores, contributions.T
