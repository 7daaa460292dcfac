"""What `ad-stream tune` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from ad_stream.cli.output.console import plain_table
from ad_stream.times import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ad_stream.tuning.proposal import ModelChoice, TuningProposal


def proposal_told(found: TuningProposal) -> RenderableType:
    """The rates, the choice and why, what it did on later time, the YAML."""
    table = plain_table("sensitivity", "alarms per series and day")
    for one, rate in found.rates.items():
        marks = [
            word
            for word, is_it in (("now", one == found.sensitivity_now), ("proposed", one == found.sensitivity))
            if is_it
        ]
        table.add_row(f"{one} {', '.join(marks)}".strip(), f"{rate:.3f}")
    parts: list[RenderableType] = [Text(_heading(found)), table] if found.rates else [Text(_heading(found))]
    if found.model is not None:
        parts.append(Text(model_sentence(found.model)))
    parts.append(Text(f"Sensitivity {found.sensitivity} (now {found.sensitivity_now}): {found.why}."))
    parts.append(Text(_later(found)))
    parts.append(
        Text(
            f"To copy:\n{found.yaml()}" if found.changes else "The settings stay as they are: nothing better was found."
        )
    )
    return Group(*parts)


def model_sentence(model: ModelChoice) -> str:
    """'seasonal: days 14, tau 0.05 (now days 28, tau 0.05), error 0.610 (0.655): ...'."""
    now = "now" if model.live else "usual"
    text = f"{model.name}: {_said(model.proposed)} ({now} {_said(model.usual)})"
    if model.error is not None and model.error_usual is not None:
        text += f", error {model.error:.3f} ({model.error_usual:.3f})"
    if model.later_error is not None and model.later_error_usual is not None:
        text += f", later {model.later_error:.3f} ({model.later_error_usual:.3f})"
    return f"{text}: {model.why}." + ("" if model.live else f" No version of {model.name} is live yet.")


def _heading(found: TuningProposal) -> str:
    of = f"{found.series} of {found.of_series} series"
    spans = f"chosen on {shown(found.start)} to {shown(found.split)}, checked to {shown(found.end)} UTC"
    tried = f"{found.tried} of {found.trials} trials, {found.resumed} of an earlier start, {found.seconds:.0f} s"
    rest = "" if found.complete else "; the same command again goes on"
    return f"{of}; {spans}; {tried}{rest}. Budget: {found.budget:g} alarms per series and day."


def _later(found: TuningProposal) -> str:
    later = found.later
    text = (
        f"On later time ({later.days:.1f} series-days): {later.alarms} alarms (now {later.alarms_before}), "
        f"{later.gained} gained, {later.lost} lost"
    )
    if later.events:
        text += f"; of {later.events} labelled events {later.found} found (now {later.found_before})"
    return f"{text}."


def _said(parameters: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in parameters.items())
