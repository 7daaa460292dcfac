"""What happens to sites, to signals, again and again and on purpose: where the truth says, and nothing else changes."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from ad_stream.config.incidents import Dimensions
from ad_stream.errors import InputError
from ad_stream.evaluation.labels import read_labels
from ad_stream.simulate import Fault, FaultPlan, read_truth, simulate
from ad_stream.simulate.devices.faults import place
from ad_stream.simulate.devices.fleet import SIGNALS, SITE_PATTERN, fleet
from ad_stream.simulate.devices.readings import Series
from ad_stream.simulate.devices.shared_faults import KINDS, usual
from tests.support.slow_reader import read

START = datetime(2026, 11, 1, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)
ONE_OF_EACH = dict.fromkeys(KINDS, 1)


def events(faults: tuple[Fault, ...]) -> dict[str, list[Fault]]:
    """Occurrence -> its faults."""
    found: dict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        if fault.event:
            found[fault.event].append(fault)
    return found


@pytest.mark.parametrize(
    ("options", "digest"),
    [
        ({"devices": 3, "minutes": 300, "seed": 3}, "dfcfe5fba5af7706925a7fee181eebae5916478adfe45d39b63de65a45712057"),
        ({"devices": 8, "seed": 7}, "b9754aef8668b9201bc0ac2679ff3714d7e846f3ce492ad1057fb908520ca10f"),
    ],
)
def test_a_fleet_without_sites_is_byte_for_byte_what_it_was_before_there_were_sites(
    tmp_path: Path, options: dict[str, int], digest: str
) -> None:
    simulate(tmp_path, **options)  # type: ignore[arg-type]
    whole = hashlib.sha256()
    for path in sorted(tmp_path.iterdir()):
        whole.update(path.name.encode() + b"\n" + path.read_bytes())
    assert whole.hexdigest() == digest


def test_sites_are_in_the_names_and_change_no_value() -> None:
    plain, sited = fleet(10, seed=4), fleet(10, seed=4, sites=3)
    assert sited.sites == ("site-01",) * 4 + ("site-02",) * 3 + ("site-03",) * 3
    assert sited.device_ids[4] == "site-02-device-0005"
    site_of = Dimensions(device=SITE_PATTERN).site_of
    assert tuple(site_of(device) for device in sited.device_ids) == sited.sites
    for name in ("level", "amplitude", "phase", "sigma"):
        assert np.array_equal(getattr(plain, name), getattr(sited, name))


@pytest.mark.parametrize("seed", range(5))
def test_each_occurrence_is_of_one_site_or_one_series_and_as_long_as_it_may_be(seed: int) -> None:
    people = fleet(20, seed=seed, sites=4)
    faults = place(FaultPlan(counts=dict.fromkeys(KINDS, 2)), people, start=START, minutes=2160)
    found = events(faults)
    assert sorted(found) == sorted(f"{kind}-{number:02d}" for kind in KINDS for number in (1, 2))
    for name, members in found.items():
        kind = name[:-3]
        assert {fault.kind for fault in members} == {kind}
        minutes = {(fault.end - fault.start) // MINUTE + 1 for fault in members}
        begins = sorted(fault.start for fault in members)
        site = {fault.site for fault in members}
        inside = {fault.device_id for fault in members}
        if kind in ("site_step", "site_silence", "maintenance"):
            assert site == {min(inside).rpartition("-device")[0]} and len(minutes) == 1
            assert {device.startswith(min(site)) for device in inside} == {True}
        else:
            assert site == {""} and len(members) == 1
        if kind == "site_step":
            assert 3 <= len(inside) <= 5 and begins[-1] - begins[0] <= 3 * MINUTE and 30 <= min(minutes) <= 180
            assert len({(fault.signal, fault.direction) for fault in members}) == 1
        elif kind == "site_silence":
            assert len(inside) == 5 and len(set(begins)) == 1 and 20 <= min(minutes) <= 60
        elif kind == "maintenance":
            assert len(inside) == 5 and len(members) == 10 and 30 <= min(minutes) <= 120
        elif kind == "chatter":
            spikes = int(np.count_nonzero(members[0].profile()))
            assert 4 <= spikes <= 8 and 15 <= members[0].ramp <= 40


def test_values_are_those_of_the_quiet_fleet_but_for_what_the_truth_names() -> None:
    people = fleet(12, seed=2, sites=3)
    faults = place(FaultPlan(counts=ONE_OF_EACH), people, start=START, minutes=1440)
    quiet = Series(people, (), START, 1).block(0, 1440)
    block = Series(people, faults, START, 1).block(0, 1440)
    wanted, silent, missing = quiet.values.copy(), quiet.silent.copy(), quiet.missing.copy()
    for fault in faults:
        first, stop = fault.span(START)
        device = people.device_ids.index(fault.device_id)
        if fault.kind == "site_silence":
            silent[device, first:stop] = True
            continue
        signal = SIGNALS.index(fault.signal)
        if fault.kind == "signal_silence":
            missing[device, first:stop, signal] = True
            continue
        at = slice(first, stop, fault.ramp if fault.kind == "chatter" else 1)
        size = fault.sigma * people.sigma[device, signal] * (1 if fault.direction == "up" else -1)
        wanted[device, at, :, signal] += size
    assert np.allclose(block.values, wanted, atol=2e-4)
    assert np.array_equal(block.silent, silent) and silent.any()
    assert np.array_equal(block.missing, missing) and missing.sum() >= 20


def test_messages_lack_what_is_silent_and_the_answer_file_names_it(tmp_path: Path) -> None:
    counts = {"site_silence": 1, "signal_silence": 2, "maintenance": 1}
    truth = simulate(
        tmp_path, devices=6, minutes=600, seed=5, sites=2, faults=FaultPlan(counts=counts), bad_traffic=False
    )
    assert read_truth(tmp_path) == truth and truth.sites == 2
    lacking = {
        (fault.device_id, signal, fault.start + at * MINUTE)
        for fault in truth.faults
        if fault.kind.endswith("silence")
        for signal in (SIGNALS if fault.signal == "all" else (fault.signal,))
        for at in range((fault.end - fault.start) // MINUTE + 1)
    }
    seen = read(tmp_path).values
    people = fleet(6, seed=5, sites=2)
    every = {(one, name, START + at * MINUTE) for one in people.device_ids for name in SIGNALS for at in range(600)}
    assert set(seen) == every - lacking and len(seen) == truth.series_minutes
    named = json.loads((tmp_path / "_truth.json").read_text())["faults"]
    assert {row["event"] for row in named} >= {"site_silence-01", "signal_silence-02", "maintenance-01"}
    assert {row["site"] for row in named if row["kind"] == "site_silence"} <= {"site-01", "site-02"}


def test_maintenance_is_no_labelled_event(tmp_path: Path) -> None:
    plan = FaultPlan(counts={"maintenance": 1, "spike": 2})
    truth = simulate(tmp_path, devices=4, minutes=600, seed=1, sites=2, faults=plan, bad_traffic=False)
    labelled = read_labels(tmp_path / "_truth.json", start=START, end=START + 600 * MINUTE)
    assert len(labelled) == 2 and len(truth.faults) == 2 + 2 * 2


def test_usual_counts_grow_with_sites_and_days_and_a_fleet_without_sites_gets_none() -> None:
    assert usual(fleet(50, seed=0), 1440) == {}
    assert usual(fleet(50, seed=0, sites=4), 2880) == {
        "site_step": 8, "site_silence": 4, "maintenance": 4, "signal_silence": 8, "chatter": 6,
    }  # fmt: skip


def test_single_counts_take_the_place_of_the_usual_ones() -> None:
    plan = FaultPlan(overrides={"chatter": 2, "silence": 0})
    faults = place(plan, fleet(20, seed=3), start=START, minutes=1440)
    kinds = [fault.kind for fault in faults]
    assert (kinds.count("chatter"), kinds.count("silence"), kinds.count("spike")) == (2, 0, 10)


@pytest.mark.slow
def test_what_cannot_be_placed_is_one_sentence() -> None:
    people = fleet(4, seed=0)
    with pytest.raises(InputError, match="site_step faults need sites: give the fleet some with --sites"):
        place(FaultPlan(overrides={"site_step": 1}), people, start=START, minutes=1440)
    with pytest.raises(InputError, match=r"only \d of 30 maintenance faults fit: ask for fewer"):
        place(FaultPlan(overrides={"maintenance": 30}), fleet(4, seed=0, sites=1), start=START, minutes=1440)
    with pytest.raises(InputError, match="sites is 5 for 4 devices: give 0 to 4"):
        fleet(4, seed=0, sites=5)
