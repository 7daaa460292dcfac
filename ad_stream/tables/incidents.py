"""The tables of incidents, part of `tables.catalog`: what happened, what people said of it, where a restart goes on."""

from __future__ import annotations

from ad_stream.tables.columns import BATCH, CACHE, KEPT, column, flag, moment, number, text, whole
from ad_stream.tables.schema import Table

INCIDENT_EVENTS = Table(
    "incident_events", "What happened to incidents, one row a change, each the incident as it stood then; never changed",
    (
        text("incident_id", "the incident: its start and ten digits, the same however often it is found"),
        whole("seq", "counts its rows from 0"),
        text("event", "what happened ([incidents.md](incidents.md)): opened, joined, left, worsened, closed, …"),
        moment("minute", "start of the window in which it happened, UTC"),
        flag("notify", "whether people are told"),
        text("why", "in words"),
        text("kind", "value, silence, surge, pipeline, or flood: a summary of messages that were not sent"),
        text("site", "site of its devices, null where they have none"),
        text("device_id", "device of the leader; in rows of a member (joined, left, muted, still) of that member"),
        text("signal", "likewise; null: the whole device"),
        text("reason", "reason of the flag that began it"),
        text("direction", "above or below, null where the value has no side"),
        moment("started", "first window out"),
        moment("opened", "window in which it became an incident"),
        moment("last", "last window out so far"),
        moment("ended", "window in which it closed, null while it is open"),
        text("close_reason", "returned, new_level, person, reported or gone"),
        number("severity", "of its worst window"),
        text("level", "low, medium or high"),
        text("told", "the highest level that people were told of it, this row included"),
        text("hidden", "levels of targets that hear of it in the summary of a flood only"),
        moment("peak_minute", "its worst window"),
        number("peak_value", "value there"),
        number("expected", "expected value at the onset"),
        number("lower", "lower end of the frozen band"),
        number("upper", "upper end of the frozen band"),
        whole("devices", "devices that were or are in; of a summary: the incidents that it stands for"),
        whole("series", "series that were or are in"),
        whole("open_series", "series that are out now"),
        whole("flagged_minutes", "flagged windows of all its series"),
        whole("out_minutes", "windows of all its series out of the band"),
        whole("reopened", "how often it came back"),
        text("acked_by", "who has seen it"),
        moment("acked_until", "when that wears off"),
        text("origin", "stream, or backfill"),
        column("int", "revision", "0 = the stream, higher = backfill"),
        whole("feedback_version", "version of the table feedback that was known"),
        text("config_version", "as in detections"),
        *BATCH,
    ),
    key=("incident_id", "revision", "seq"), clustered=("minute", "incident_id"),
)  # fmt: skip

FEEDBACK = Table(
    "feedback", "What people say about incidents, written by people; rows are added, none is changed",
    (
        text("action", "ack, unack, close, label, missed or comment"),
        text("incident_id", "the incident it is about; missed names a device in its place"),
        text("device", "device that something happened to, for missed"),
        text("signal", "signal of it, null: any"),
        moment("started", "when it began, for missed"),
        moment("ended", "when it was over, for missed"),
        text("label", "true, false, expected or unsure"),
        moment("until", "for ack: when it wears off"),
        text("asked", "why it was asked about: proposal, random or canary; null: nobody asked"),
        number("weight", "how many incidents the answer stands for, where it was drawn"),
        text("owner", "who says so"),
        text("note", "why"),
        moment("changed", "when it was said"),
    ),
    properties=KEPT,
)  # fmt: skip

INCIDENT_STATE = Table(
    "incident_state", "Where the stream goes on with open incidents after a restart; a cache, do not build on it",
    (
        moment("minute", "last window that the state knows"),
        flag("origin", "the first one: nothing before it was looked at"),
        whole("feedback_version", "version of the table feedback that it knows"),
        column("binary", "state", "the state, packed"),
        *BATCH,
    ),
    properties=CACHE,
)  # fmt: skip
