"""The notebooks that need no Spark, executed as they are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml
from matplotlib.figure import Figure

from ad_stream.config import parse_detection
from tests.support.shared import shared

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def executed(name: str, **texts: str) -> tuple[dict[str, Any], list[pd.DataFrame], list[Figure]]:
    """The names a notebook leaves behind, the frames and the figures it displayed."""
    frames: list[pd.DataFrame] = []
    figures: list[Figure] = []

    def shown(what: pd.DataFrame | Figure) -> None:
        figures.append(what) if isinstance(what, Figure) else frames.append(what)

    widgets = SimpleNamespace(text=lambda name, default: texts.setdefault(name, default), get=texts.__getitem__)
    names: dict[str, Any] = {"dbutils": SimpleNamespace(widgets=widgets), "display": shown}
    path = NOTEBOOKS / name
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    return names, frames, figures


def check_figure(figure: Figure, *, flags: int) -> None:
    """Value, band and at least so many flags stand in it."""
    artists = {str(one.get_label()): one for one in figure.axes[0].get_children()}
    assert {"value", "expected", "expected band"} <= set(artists)
    drawn = [artists[f"flagged {side}"].get_offsets() for side in ("above", "below")]  # type: ignore[attr-defined]
    assert sum(len(one) for one in drawn) >= flags


@pytest.mark.slow
def test_detectors_and_sensitivities_are_compared_and_a_configuration_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names, (detectors, sensitivities), (figure,) = executed("02_detector_and_sensitivity.py", folder=str(tmp_path))
    assert "default" in set(detectors["detector"]) and detectors["f1"].max() > 0.8 > detectors["random_f1"].max()
    assert sensitivities["alarms"].is_monotonic_increasing and sensitivities["found"].max() > 0.8
    printed = capsys.readouterr().out
    check_figure(figure, flags=1)
    assert parse_detection(yaml.safe_load(printed)["detection"]).sensitivity == names["chosen"]
    assert printed == f"detection:\n  detector: {names['best']}\n  sensitivity: {names['chosen']}\n"


@pytest.mark.slow
def test_the_sines_are_compared_with_what_the_retired_service_answered(capsys: pytest.CaptureFixture[str]) -> None:
    _, (comparison, drawn), figures = executed("04_three_streams.py")
    ours = comparison[comparison["detector"] == "default"].set_index("stream")
    theirs = comparison[comparison["detector"] == "retired service"].set_index("stream")
    assert (ours["missed"] == 0).all() and (ours["elsewhere"] <= 3).all()
    assert theirs.loc["flattened sine", "while_it_lasted"] == 0 < ours.loc["flattened sine", "while_it_lasted"]
    network = comparison[comparison["detector"] == "sr_cnn"].set_index("stream")
    assert network.loc["flattened sine", "missed"] == 0 and network.loc["flattened sine", "elsewhere"] <= 3
    printed = capsys.readouterr().out
    assert len(drawn) == 2 * 365 and "the sines only" in printed
    assert [figure.axes[0].get_title("left") for figure in figures] == ["lengthening sine", "flattened sine"]
    for figure in figures:
        check_figure(figure, flags=4)
    assert parse_detection(yaml.safe_load(printed.split("only\n")[1])["detection"]).detector.name == "default"


@pytest.mark.acceptance
def test_the_three_streams_and_the_recorded_answers_are_those_of_the_quality_data() -> None:
    seeds = shared("quality/data/seeds", "the quality data are")
    files = {
        "lengthening sine": "sine_lengthening_spikes",
        "flattened sine": "sine_flat_200_259",
        "Skagit": "skagit_gsod_daily",
    }
    names, (comparison, _), _ = executed("04_three_streams.py", skagit=str(seeds / "skagit_gsod_daily.csv"))
    for stream, file in files.items():
        seed = pd.read_csv(seeds / f"{file}.csv")
        assert (seed["value"] - names["streams"][stream]["value"]).abs().max() < 1e-9
        assert names["RECORDED"][stream] == seed.index[seed["azure_last_flag"] == 1].tolist()
        assert names["HAPPENED"][stream] == seed.index[seed["label"] == 1].tolist()
    ours = comparison[comparison["detector"] == "default"]
    assert (ours["missed"] == 0).all() and (ours["elsewhere"] <= 3).all()
