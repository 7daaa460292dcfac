"""SQL views for people and for Power BI's DirectQuery, over the tables as they are.

Each view answers one visual or one page of a report with few rows: text in place of codes, bounds in place of margins,
null in place of NaN (which Power BI cannot read), whole hours beside minutes. Plain SQL that Databricks SQL and Spark
both take. Beside a schema they are views of it; over folders, temporary views of a session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ad_stream.errors import InputError
from ad_stream.grid import MINUTE, SILENT, Grid
from ad_stream.model import REASONS
from ad_stream.tables import names
from ad_stream.tables.catalog import BATCHES, PROGRESS
from ad_stream.tables.schema import COUNT

if TYPE_CHECKING:
    from ad_stream import config

SERIES = "device_id, signal, concat(device_id, ' / ', signal) AS series"


def _finite(expression: str) -> str:
    return f"nullif({expression}, double('NaN'))"


_KEY = "newer.device_id = d.device_id AND newer.signal = d.signal AND newer.minute = d.minute"
_MEANINGS = {reason: meaning.replace("'", "\\'") for reason, meaning in REASONS.items()}
_REASONS = ",\n  ".join(f"('{reason}', '{meaning}')" for reason, meaning in _MEANINGS.items())
_SUMS = ", ".join(f"sum({name}) AS {name}" for name in (*BATCHES.named(COUNT), *PROGRESS.named(COUNT)))

VIEWS: dict[str, tuple[str, str]] = {
    "reasons": (
        "What each reason of a verdict means",
        f"SELECT * FROM VALUES\n  {_REASONS}\nAS reasons (reason, meaning)",
    ),
    # Few rows have a revision above 0, so the side that is looked up is small; a window would sort the whole table.
    "detections_latest": (
        "The verdict that counts for each window: the highest revision",
        f"SELECT d.* FROM {{detections}} d LEFT ANTI JOIN\n"
        f"  (SELECT device_id, signal, minute, revision FROM {{detections}} WHERE revision > 0) newer\n"
        f"  ON {_KEY} AND newer.revision > d.revision",
    ),
    "series_minutes": (
        "One row per series and window, to draw: value, band, and the value again where it was flagged",
        f"SELECT {SERIES}, minute, to_date(minute) AS day, {_finite('value')} AS value, {_finite('expected')} AS expected,\n"
        f"  {_finite('expected - lower_margin')} AS lower_bound, {_finite('expected + upper_margin')} AS upper_bound,\n"
        f"  CASE WHEN is_anomaly THEN {_finite('value')} END AS flagged_value, int(is_anomaly) AS anomaly,\n"
        f"  CASE WHEN is_positive THEN 'above' WHEN is_negative THEN 'below' END AS side,\n"
        f"  {_finite('severity')} AS severity, {_finite('score')} AS score, continuing, status, d.reason, meaning, detector, revision,\n"
        f"  int(coalesce(slow_is_anomaly, false)) AS slow_anomaly, slow_reason, slow_onset, {_finite('slow_score')} AS slow_score\n"
        f"FROM {{detections_latest}} d LEFT JOIN {{reasons}} r ON d.reason = r.reason",
    ),
    "series_hours": (
        "One row per series and hour, for weeks at a glance",
        f"SELECT {SERIES}, date_trunc('HOUR', minute) AS hour, count(*) AS minutes, count_if(status = 'scored') AS scored,\n"
        f"  count_if(is_anomaly) AS anomalies, count_if(is_anomaly AND NOT continuing) AS events,\n"
        f"  min({_finite('value')}) AS lowest, avg({_finite('value')}) AS mean, max({_finite('value')}) AS highest,\n"
        f"  max({_finite('severity')}) AS severity\n"
        f"FROM {{detections_latest}} GROUP BY device_id, signal, date_trunc('HOUR', minute)",
    ),
    "anomaly_events": (
        "One row per event: flags of a series that follow each other, with the worst of them",
        f"SELECT {SERIES}, min(minute) AS began, max(minute) AS ended, count(*) AS flagged_minutes,\n"
        f"  max(severity) AS severity, max_by(value, severity) AS value, max_by(expected, severity) AS expected,\n"
        f"  max_by(side, severity) AS side, max_by(reason, severity) AS reason, max_by(meaning, severity) AS meaning\n"
        f"FROM (SELECT *, sum(int(NOT continuing)) OVER (PARTITION BY device_id, signal ORDER BY minute) AS event\n"
        f"      FROM {{series_minutes}} WHERE anomaly = 1)\n"
        f"GROUP BY device_id, signal, event",
    ),
    "series_now": (
        "One row per series that had a window in the last day of the tables: where it stands",
        f"SELECT {SERIES}, max(minute) AS newest, max_by({_finite('value')}, minute) AS value,\n"
        f"  max_by({_finite('expected')}, minute) AS expected, max_by(status, minute) AS status,\n"
        f"  count_if(is_anomaly AND NOT continuing AND minute >= fleet - INTERVAL 1 DAY) AS events_last_day,\n"
        f"  max(CASE WHEN is_anomaly THEN minute END) AS last_flagged,\n"
        f"  timestampdiff(MINUTE, max(minute), any_value(fleet)) AS minutes_behind,\n"
        f"  int(timestampdiff(SECOND, max(minute), any_value(fleet)) > {{silent}}) AS silent\n"
        f"FROM {{detections_latest}} CROSS JOIN (SELECT max(minute) AS fleet FROM {{detections}})\n"
        f"WHERE minute >= fleet - INTERVAL {{recent}} SECOND GROUP BY device_id, signal",
    ),
    "pipeline_hours": (
        "One row per hour of telemetry: what the stream read, judged, refused and pushed",
        f"SELECT date_trunc('HOUR', watermark) AS hour, count(*) AS batches,\n  {_SUMS},\n"
        f"  max(lag) AS lag, max(duration_ms) / 1000 AS slowest_batch_seconds, sum(scoring_seconds) AS scoring_seconds\n"
        f"FROM {{batches}} JOIN {{progress}} USING (query_id, batch_id) GROUP BY date_trunc('HOUR', watermark)",
    ),
    "quarantine_hours": (
        "One row per hour and reason: messages that are no readings",
        "SELECT date_trunc('HOUR', enqueued_time) AS hour, reason, count(*) AS elements,\n"
        "  count(DISTINCT device_id) AS devices, max(body_bytes) AS longest_body\n"
        "FROM {quarantine} GROUP BY date_trunc('HOUR', enqueued_time), reason",
    ),
    "incidents": (
        "One row per incident as it stands",
        "SELECT incident_id, CASE WHEN event = 'withdrawn' THEN 'withdrawn' WHEN ended IS NULL THEN 'open' ELSE 'closed' END AS state,\n"
        "  kind, level, site, device_id, signal, reason, direction, started, opened, last, ended, close_reason, severity,\n"
        "  peak_minute, peak_value, expected, lower, upper, devices, series, open_series, flagged_minutes, out_minutes, reopened,\n"
        "  acked_by, acked_until, why, event AS newest_event, minute AS newest_minute, revision\n"
        "FROM (SELECT *, row_number() OVER (PARTITION BY incident_id ORDER BY revision DESC, seq DESC) AS newest\n"
        "      FROM {incident_events} WHERE kind <> 'flood' AND event NOT IN ('joined', 'left', 'muted', 'still'))\n"
        "WHERE newest = 1",
    ),
    "incident_members": (
        "One row per incident and series that was in it",
        "SELECT member.incident_id, member.device_id, member.signal, member.started, member.last,\n"
        "  coalesce(member.ended, whole.ended) AS ended, member.severity, member.peak_value,\n"
        "  member.lower, member.upper, member.out_minutes\n"
        "FROM (SELECT incident_id, device_id, signal, min(started) AS started, max_by(last, minute) AS last,\n"
        "        max_by(ended, minute) AS ended, max(severity) AS severity, max_by(peak_value, severity) AS peak_value,\n"
        "        min_by(lower, minute) AS lower, min_by(upper, minute) AS upper, max(out_minutes) AS out_minutes\n"
        "      FROM {incident_events} WHERE event IN ('opened', 'joined', 'left') AND kind <> 'flood'\n"
        "      GROUP BY incident_id, device_id, signal) AS member\n"
        "JOIN (SELECT incident_id, ended FROM {incidents}) AS whole ON whole.incident_id = member.incident_id",
    ),
    "incidents_azure": (
        "Incidents under the names that Azure Metrics Advisor had for them",
        "SELECT incident_id AS incidentId, signal AS metricId, started AS startTime, coalesce(last, started) AS lastTime,\n"
        "  device_id AS rootNode, site AS dimension,\n"
        "  CASE level WHEN 'high' THEN 'High' WHEN 'medium' THEN 'Medium' ELSE 'Low' END AS maxSeverity,\n"
        "  CASE state WHEN 'open' THEN 'Active' ELSE 'Resolved' END AS incidentStatus,\n"
        "  peak_value AS valueOfRootNode, expected AS expectedValueOfRootNode\n"
        "FROM {incidents} WHERE state <> 'withdrawn'",
    ),
}
"""View -> what it is, and its query; {name} stands for a table or an earlier view. The order is that of making them."""

TABLES = ("detections", "batches", "progress", "quarantine", "incident_events")


def statements(settings: config.Tables, *, replace: bool, grid: Grid = MINUTE) -> list[str]:
    """CREATE VIEW for each view, in order. replace: also where there is one, which only its owner may. grid: windows of
    the tables."""
    over_folders = settings.path is not None
    known = {table: names.name(settings, table) for table in TABLES}
    known |= {"silent": str(SILENT * grid.seconds), "recent": str(max(86_400, 1440 * grid.seconds))}
    known |= {view: f"`{view}`" if over_folders else names.name(settings, view) for view in VIEWS}
    # A temporary view cannot be left alone where it exists: Spark has no IF NOT EXISTS for it.
    how, unless = ("OR REPLACE ", "") if replace or over_folders else ("", "IF NOT EXISTS ")
    kind = "TEMPORARY VIEW" if over_folders else "VIEW"
    return [
        f"CREATE {how}{kind} {unless}{known[view]} COMMENT '{about}' AS\n{query.format_map(known)}"
        for view, (about, query) in VIEWS.items()
    ]


def script(settings: config.Tables, grid: Grid = MINUTE, readers: str | None = None) -> str:
    """The statements as a file for a SQL editor; readers: a group that may read the views, and so no body of a message."""
    return ";\n\n".join([*statements(settings, replace=True, grid=grid), *grants(settings, readers)]) + ";\n"


def grants(settings: config.Tables, readers: str | None) -> list[str]:
    """What lets a group read the views, which read the tables with their owner's rights; nothing for None."""
    if readers is None:
        return []
    if settings.path is not None:
        raise InputError(
            f"the tables in {settings.path} are folders, whose views end with their session: grants are for tables of a catalog"
        )
    group = "`" + readers.replace("`", "``") + "`"
    schema = f"`{settings.catalog}`.`{settings.schema_}`"
    return [
        f"GRANT USE CATALOG ON CATALOG `{settings.catalog}` TO {group}",
        f"GRANT USE SCHEMA ON SCHEMA {schema} TO {group}",
        *(f"GRANT SELECT ON VIEW {names.name(settings, view)} TO {group}" for view in VIEWS),
    ]
