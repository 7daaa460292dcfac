"""The demo's numbers as labels and texts, for the printed table and for the top of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ad_stream.demo.compare import SUDDEN, Outcome

if TYPE_CHECKING:
    from ad_stream.demo.simulated import Result


def facts(result: Result) -> list[tuple[str, str]]:
    """(label, value) in the order of the data's way."""
    compared, summary = result.comparison, result.streamed.summary
    found = sum(one.found for one in compared.outcomes)
    cpu = result.cpu_seconds_per_million
    rate = f"{compared.false_alarms_per_series_day:.2f} ({len(compared.alarms)} alarms, {compared.false_flags} minutes)"
    return [
        ("devices, signals", f"{result.truth.devices}, {' and '.join(result.truth.signals)}"),
        ("minutes scored", f"{result.minutes_scored:,}"),
        ("faults found", f"{found} of {len(compared.outcomes)}"),
        ("false alarms per series and day", rate),
        ("quarantined", ", ".join(f"{n} {reason}" for reason, n in result.quarantined.items()) or "none"),
        ("late readings", f"{result.late:,}"),
        ("duplicates removed", f"{summary.duplicates:,}"),
        ("pushed to the local Power BI receiver", f"{result.streamed.received:,} rows"),
        ("CPU seconds per million series-minutes", "not measured here" if cpu is None else f"{cpu:,.0f}"),
        ("seconds in all", f"{result.wall_seconds:.0f}"),
    ]


def by_kind(outcomes: list[Outcome]) -> list[tuple[str, int, int, str]]:
    """(kind, injected, found, typical delay), then spikes, dips and level shifts of 6 and of 8 sigma or more."""
    kinds = list(dict.fromkeys(one.fault.kind for one in outcomes))
    kinds.sort(key=lambda kind: (kind not in SUDDEN, kind))
    groups = [(kind, [one for one in outcomes if one.fault.kind == kind]) for kind in kinds]
    for size in (6, 8):
        large = [one for one in outcomes if one.fault.kind in SUDDEN and one.fault.sigma >= size]
        groups.append((f"sudden ones of {size} sigma or more", large))
    return [
        (name.replace("_", " "), len(group), sum(one.found for one in group), _delay(group)) for name, group in groups
    ]


def _delay(group: list[Outcome]) -> str:
    delays = sorted(one.delay_minutes for one in group if one.delay_minutes is not None)
    return f"{delays[len(delays) // 2]} min" if delays else "-"
