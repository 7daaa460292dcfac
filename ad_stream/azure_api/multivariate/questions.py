"""Requests of the three versions, checked field by field in the contract's codes; knows no data and no detector."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.azure_api import wire
from ad_stream.azure_api.multivariate.faults import fault
from ad_stream.azure_api.timestamps import TimestampError, parse_times

if TYPE_CHECKING:
    from numpy.typing import NDArray

PREVIEW, PREVIEW_1, GENERAL = VERSIONS = ("v1.1-preview", "v1.1-preview.1", "v1.1")
"""Those of the clients 3.0.0b3; b4 and b5; b6."""
INNER, OUTER = ALIGN_MODES = ("Inner", "Outer")
FILL_METHODS = ("Previous", "Subsequent", "Linear", "Zero", "Fixed", "Pad", "NotFill")
"""Pad is what v1.1-preview calls Fixed."""
SCHEMAS = ("OneTable", "MultiTable")
WINDOWS = range(28, 2881)
CONTRIBUTORS, MOST_CONTRIBUTORS = 10, 30
MOST_LAST_ROWS = 10
LONGEST_NAME = 24
_UTC = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, kw_only=True)
class AlignPolicy:
    """How the variables' rows come together and what stands in their holes; padding: the value of Fixed."""

    mode: str = OUTER
    fill: str = "Linear"
    padding: float | None = None


@dataclass(frozen=True, kw_only=True)
class DataStretch:
    """source: as written, secrets included; start, end: ISO 8601 in UTC, start <= end."""

    source: str
    start: str
    end: str


@dataclass(frozen=True, kw_only=True)
class TrainQuestion(DataStretch):
    """A model to train; schema None: as the version leaves it to the content."""

    name: str | None
    window: int
    schema: str | None
    align: AlignPolicy

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_plain(cls, fields: Mapping[str, Any]) -> TrainQuestion:
        """What `plain` wrote."""
        return cls(**{**fields, "align": AlignPolicy(**fields["align"])})


@dataclass(frozen=True, kw_only=True)
class DetectQuestion(DataStretch):
    """A stretch to judge; top: contributors named in an anomaly."""

    top: int

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class LastQuestion:
    """Rows as sent: (name, texts of times, values) a variable; rows: how many of the last are judged."""

    variables: Sequence[tuple[str, Sequence[object], Sequence[object]]]
    rows: int
    top: int


def train_question(body: bytes, version: str) -> TrainQuestion:
    """The body of POST /models; raises ContractError."""
    fields = _fields(body)
    window = fields.get("slidingWindow", 300)
    if not _is_whole(window) or window not in WINDOWS:
        raise fault("InvalidSlidingWindow", f"It is {window!r:.40}.")
    name = fields.get("displayName")
    if name is not None and (not isinstance(name, str) or len(name) > LONGEST_NAME):
        raise _wrong(f"The 'displayName' field must be text of at most {LONGEST_NAME} characters.")
    schema = fields.get("dataSchema", "OneTable" if version == GENERAL else None)
    if schema not in (*SCHEMAS, None):
        raise _wrong(f"The 'dataSchema' field must be 'OneTable' or 'MultiTable', not {schema!r:.40}.")
    align = _align_policy(fields.get("alignPolicy", {}))
    return TrainQuestion(**_stretch(fields), name=name, window=window, schema=schema, align=align)


def detect_question(body: bytes, version: str) -> DetectQuestion:
    """The body of a detection over a stretch; raises ContractError."""
    fields = _fields(body)
    return DetectQuestion(**_stretch(fields), top=_top(fields, version))


def last_question(body: bytes, version: str) -> LastQuestion:
    """The body of a detection of the last rows; raises ContractError."""
    fields = _fields(body)
    rows = 1 if version == GENERAL else fields.get("detectingPoints", 1)
    if not _is_whole(rows) or not 1 <= rows <= MOST_LAST_ROWS:
        raise _wrong(f"The 'detectingPoints' field must be an integer between 1 and {MOST_LAST_ROWS}.")
    listed = fields.get("variables")
    if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
        raise fault("NoVariablesFound", "The 'variables' field must be a list of variables with timestamps and values.")
    return LastQuestion(variables=[_variable(one) for one in listed], rows=rows, top=_top(fields, version))


def moment(text: object) -> np.datetime64:
    """One time as datetime64[us] in UTC; raises ContractError."""
    found: np.datetime64 = utc([text])[0]
    return found


def utc(texts: Sequence[object]) -> NDArray[np.datetime64]:
    """(n,) texts -> (n,) datetime64[us] in UTC, where naive ones are; raises ContractError with the first that is none."""
    try:
        # Times that share an offset are left on its clock; one of UTC among them brings all of them there.
        return parse_times([*texts, _UTC])[:-1]
    except TimestampError as error:
        raise fault("InvalidTimestampFormat", time=f"{texts[error.index]!s:.60}") from None


def iso(time: np.datetime64) -> str:
    """'2021-01-02T00:00:00Z', with fractions only where there are some."""
    whole = time.astype("datetime64[s]")
    return f"{whole}Z" if time == whole else f"{str(time.astype('datetime64[us]')).rstrip('0')}Z"


def finite(value: object) -> float | None:
    """A JSON number as a float, None for anything else and for what no double holds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _fields(body: bytes) -> Mapping[str, Any]:
    """The members of the body, null ones left out, as with the service."""
    try:
        found = wire.read_json(body)
    except wire.RequestError as error:
        raise fault("InvalidJsonFormat", error.message) from None
    if not isinstance(found, Mapping):
        raise fault("InvalidJsonFormat", "The body must be one JSON object.")
    return {name: value for name, value in found.items() if value is not None}


def _stretch(fields: Mapping[str, Any]) -> dict[str, str]:
    source = fields.get("dataSource", fields.get("source"))
    if not isinstance(source, str) or not source.strip():
        raise fault("RequiredSource")
    for name, code in (("startTime", "RequiredStartTime"), ("endTime", "RequiredEndTime")):
        if name not in fields:
            raise fault(code)
    start, end = moment(fields["startTime"]), moment(fields["endTime"])
    if end < start:
        raise _wrong(f"The 'endTime' field, {iso(end)}, must not lie before 'startTime', {iso(start)}.")
    return {"source": source.strip(), "start": iso(start), "end": iso(end)}


def _align_policy(given: object) -> AlignPolicy:
    if not isinstance(given, Mapping):
        raise fault("InvalidAlignMode", "The 'alignPolicy' field must be an object.")
    fields = {name: value for name, value in given.items() if value is not None}
    mode, fill, padding = (
        fields.get("alignMode", OUTER),
        fields.get("fillNAMethod", "Linear"),
        fields.get("paddingValue"),
    )
    if mode not in ALIGN_MODES:
        raise fault("InvalidAlignMode")
    if fill not in FILL_METHODS or (fill == "NotFill" and mode == OUTER):
        raise fault("InvalidFillNAMethod")
    number = finite(padding)
    if fill in ("Fixed", "Pad") and number is None:
        raise fault("RequiredPaddingValue")
    return AlignPolicy(mode=mode, fill=fill, padding=number)


def _top(fields: Mapping[str, Any], version: str) -> int:
    if version != GENERAL:  # the previews name all
        return MOST_CONTRIBUTORS
    top = fields.get("topContributorCount", CONTRIBUTORS)
    if not _is_whole(top) or not 1 <= top <= MOST_CONTRIBUTORS:
        raise _wrong(f"The 'topContributorCount' field must be an integer between 1 and {MOST_CONTRIBUTORS}.")
    return int(top)


def _variable(given: object) -> tuple[str, Sequence[object], Sequence[object]]:
    if not isinstance(given, Mapping):
        raise fault("InvalidJsonFormat", "Each of the 'variables' must be an object.")
    name, times, values = given.get("variable", given.get("name")), given.get("timestamps"), given.get("values")
    if not isinstance(name, str) or not name:
        raise fault("InvalidJsonFormat", "Each of the 'variables' needs its name in 'variable'.")
    if not isinstance(times, list) or not isinstance(values, list) or len(times) != len(values):
        raise fault(
            "VariableParseError", "Send as many 'values' as 'timestamps'.", variable=name, why="timestamps and values"
        )
    return name, times, values


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _wrong(sentence: str) -> Exception:
    return fault("InvalidRequestParameterError", sentence)
