"""Commands over a configuration: run, backfill, validate."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from ad_stream.cli.options import Config, File, From, Json, Set, To
from ad_stream.cli.settings import needed
from ad_stream.config.overrides import overrides
from ad_stream.times import moment

if TYPE_CHECKING:
    import typer

    from ad_stream import config as settings
    from ad_stream.pipeline.batch_state import BatchReport


def add_to(app: typer.Typer) -> None:
    """The commands in the order in which `--help` lists them."""
    app.command()(run)
    app.command()(backfill)
    app.command()(validate)


def run(file: File = None, config: Config = None, set_: Set = [], as_json: Json = False) -> None:  # noqa: B006 (typer wants the list)
    """Run the stream of a configuration until it ends or Ctrl-C, then say what it did."""
    from ad_stream import config as settings
    from ad_stream.pipeline.run import run as run_stream

    loaded = settings.load(needed(file, config, "run"), overrides(set_))
    _masked(loaded)
    summary = run_stream(loaded, progress=None if as_json else _line, tell=None if as_json else _tell)
    print(json.dumps(summary.as_dict()) if as_json else summary.sentence())


def backfill(
    start: From,
    end: To,
    file: File = None,
    config: Config = None,
    set_: Set = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Score stored minutes again; what changed becomes the next revision, a second run writes nothing."""
    from ad_stream import config as settings
    from ad_stream.pipeline.backfill import backfill as score_again

    loaded = settings.load(needed(file, config, "backfill --from … --to …"), overrides(set_))
    _masked(loaded)
    summary = score_again(loaded, start=moment(start), end=moment(end))
    print(json.dumps(summary.as_dict()) if as_json else summary.sentence())


def validate(
    file: File = None,
    config: Config = None,
    set_: Set = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Check a configuration and print all settings a run would use, secrets masked."""
    import yaml

    from ad_stream import config as settings
    from ad_stream.detectors import make
    from ad_stream.push.registry import targets_of

    loaded = settings.load(needed(file, config, "validate"), overrides(set_))
    detector = make(loaded.detection.detector, **loaded.detection.shared_options())
    targets_of((entry.kind, entry.options()) for entry in loaded.push)
    shown = _masked(loaded)
    shown["detection"]["points"] = detector.points
    print(json.dumps(shown) if as_json else yaml.safe_dump(shown, sort_keys=False).rstrip())


def _masked(loaded: settings.Config) -> dict[str, Any]:
    """The settings as they may be printed; secrets that stand in them are warned of."""
    from ad_stream.config.masking import masked

    found = masked(loaded.model_dump(mode="json", by_alias=True))
    if found.literals:
        print(f"ad-stream: warning: {found.sentence()}", file=sys.stderr, flush=True)
    return dict(found.settings)


def _line(batch: BatchReport) -> None:
    first, last = (f"{at:%Y-%m-%d %H:%M}" if at else "-" for at in (batch.first, batch.last))
    words = (("scored", "scored"), ("anomalies", "flagged windows"), ("quarantined", "quarantined"))
    counts = (
        ", ".join(f"{batch.counts[name]:,} {word}" for name, word in words if batch.counts[name]) or "no windows closed"
    )
    print(f"batch {batch.batch_id}: {first} to {last} UTC, {counts}", file=sys.stderr, flush=True)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
