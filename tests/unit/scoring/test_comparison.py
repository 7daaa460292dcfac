"""Further detectors on the same windows: each as if it judged alone, whatever else is asked; the run's own verdicts stay."""

from __future__ import annotations

import numpy as np
import pytest

from ad_stream.config import parse_detection
from ad_stream.errors import ConfigError
from ad_stream.scoring.comparison import compared
from ad_stream.scoring.matrix import Packed, Rows
from ad_stream.scoring.verdicts import Scorer, verdicts
from ad_stream.series_config.rows import rules_of
from ad_stream.tables.comparisons import COMPARISONS
from ad_stream.tables.schema import VERDICT
from tests.support.series_rules import row

FIELDS = COMPARISONS.named(VERDICT)
PAST, NOW, SERIES = 300, 12, 4
COMPARE = ["sr_cnn", {"name": "moving_average", "width": 20, "points": 60}]


def windows() -> tuple[Rows, Packed, np.ndarray, np.ndarray]:
    values = np.random.default_rng(3).gamma(2.0, 1.0, size=(SERIES, PAST + NOW))
    values[1, PAST + 4] += 40
    ids = np.arange(SERIES)
    past = Packed(np.arange(PAST), [ids] * PAST, list(values[:, :PAST].T))
    rows = Rows(np.repeat(ids, NOW), np.tile(np.arange(PAST, PAST + NOW), SERIES), values[:, PAST:].reshape(-1))
    devices = np.array([f"pump-{one}" for one in rows.ids], dtype=object)
    return rows, past, devices, np.full(len(devices), "t", dtype=object)


def test_each_detector_gives_the_verdicts_that_it_gives_alone() -> None:
    detection = parse_detection({"detector": "differences", "points": 40, "compare": COMPARE})
    scorer = Scorer.of(detection, compare=detection.compare)
    assert (scorer.points, scorer.rules.points) == (128, 40), "as much history as the deepest wants"
    rows, past, devices, signals = windows()
    found = compared(devices, signals, rows, past, scorer, (), FIELDS)
    assert {name: len(column) for name, column in found.items()} == dict.fromkeys(FIELDS, SERIES * NOW)
    for place, spec in enumerate(COMPARE):
        alone = verdicts(
            devices, signals, rows, past, Scorer.of(parse_detection({"detector": spec, "slow": False})), ()
        )
        for name in FIELDS:
            assert [one[place] for one in found[name]] == alone.columns[name].tolist(), name
    flagged = np.array([any(one) for one in found["is_anomaly"]]).reshape(SERIES, NOW)
    assert flagged[1, 4] and not flagged[0, 4]


def test_settings_of_single_series_hold_but_for_their_detector() -> None:
    detection = parse_detection({"detector": "differences", "points": 40, "compare": ["sr_cnn"]})
    rules = rules_of([row(device="pump-1", detector="ar", sensitivity=0)], detection)
    scorer = Scorer.of(detection, compare=detection.compare).under(rules)
    rows, past, devices, signals = windows()
    found = compared(devices, signals, rows, past, scorer, (), FIELDS)
    assert {one[0] for one in found["detector"]} == {"sr_cnn"}
    alone = Scorer.of(parse_detection({"detector": "sr_cnn"})).under(
        rules_of([row(device="pump-1", sensitivity=0)], detection)
    )
    assert alone.rules.rules[0].settings == scorer.others[0].rules.rules[0].settings == (("sensitivity", 0),)


def test_models_that_only_a_compared_detector_asks_for_are_read() -> None:
    detection = parse_detection({"detector": "differences", "compare": ["seasonal"]})
    assert Scorer.of(detection).models == frozenset()
    assert Scorer.of(detection, compare=detection.compare).models == {"seasonal"}


@pytest.mark.parametrize(
    ("compare", "complaint"),
    [
        (["default"], "compare names default a second time"),
        (["gated", {"name": "gated", "points": 60}], "compare names gated a second time"),
        (["gatd"], "compare: there is no detector 'gatd', did you mean 'gated'"),
        ([{"name": "gated", "width": 3}], "compare: the detector gated has no option 'width'"),
        ([{"name": "gated", "points": 20_000}], "compare: gated wants 20,000 points, give it 10,080 or fewer"),
        (["gated", "ar", "sr_cnn", "drift"], "at most 3 items"),
    ],
)
def test_what_cannot_be_compared_is_said(compare: list[object], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        parse_detection({"compare": compare})


def test_comparing_changes_no_config_version() -> None:
    from ad_stream.config import parse

    plain, more = (
        parse({"source": {"kind": "files", "path": "in"}, "tables": {"path": "t"}, "checkpoint": "c", "detection": one})
        for one in ({}, {"compare": ["gated"]})
    )
    assert plain.version() == more.version()
