"""Bodies -> elements: one row per object, as the map or struct of its members' texts, or the reason why there is none.

What one message may cost is bounded before its body becomes rows: its elements, members, names and nesting have limits,
and the body itself stays behind, because every element would carry a copy of it (docs/decisions/hostile-messages.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.pipeline.steps import shapes
from ad_stream.pipeline.steps.body_times import any_rare, forms_of, usual_time, usual_times
from ad_stream.sources.contract import HEARTBEAT, SET_ASIDE, quoted
from ad_stream.sources.instants import let

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from ad_stream.config import Telemetry
    from ad_stream.pipeline.steps.clock import Clock

REASON_SET_ASIDE = "set_aside"
TEXT = "cast(body as string)"
IS_ARRAY = f"ltrim(' \\t\\r\\n', {TEXT}) like '[%'"
STRING = r'(?s)"[^"\\]*+(?:\\.[^"\\]*+)*+"'
HAS_MORE = "contains(cast(substring(body, 2) as string), '{')"
"""Whether there is another object than the one that a body begins with; looking for one character costs least."""
AS_VALUE = " or ".join(f"contains({TEXT}, '{start}')" for start in (":{", ": {", ":  ", ":\t", ":\n", ":\r"))
MAY_NEST = f"{HAS_MORE} and ({AS_VALUE})"
"""Whether an object stands inside another: true of every body where one does, and of few where none does."""
LINES = r"\}[ \t]*[\r\n]\s*\{"
"""Between objects that stand in lines of their own; in one JSON text no line break stands there."""
TRIMMED = f"rtrim(char(0), if(startswith(body, X'EFBBBF'), cast(substring(body, 4) as string), {TEXT}))"
IS_WRAPPED = f"startswith(body, X'EFBBBF') or endswith(body, X'00') or {TEXT} rlike {quoted(LINES)}"
"""Byte order mark, trailing zeros, several JSON objects in lines of one body."""
MENDED = f"if({IS_ARRAY.replace(TEXT, TRIMMED)}, {TRIMMED}, concat('[', regexp_replace({TRIMMED}, {quoted(LINES)}, '}},{{'), ']'))"
PAIR = r"[\[{][^\[\]{}]*+[\]}]"
"""Java patterns: a JSON string, and the innermost brackets; possessive, because Java would recurse once a character."""

LONGEST_PARTITION = 64
MANY = 16
"""Bad elements of one body that keep the whole `keep_body` each; with more elements all of them share as much."""
LEAST_KEPT = 64


def elements_of(events: DataFrame, telemetry: Telemetry, clock: Clock) -> DataFrame:
    """Events -> the envelope, `unreadable`, `position` and `one`: the element as a struct (declared members) or a map."""
    bounded = _bounded(events, telemetry)
    if telemetry.compressed:
        from ad_stream.pipeline.steps.compressed import unpacked

        bounded = bounded.withColumn("body", unpacked(telemetry.compressed, telemetry.max_body))
    return _flat(_elements(_parsed(bounded, telemetry, clock), telemetry), telemetry)


def by_name(telemetry: Telemetry) -> bool:
    """Whether elements are maps: for all members, or because some are reached by paths."""
    return telemetry.signals == "auto" or telemetry.by_paths


def is_heartbeat() -> Column:
    """Whether an event only moves the watermark."""
    return F.coalesce(F.col("message_source") == HEARTBEAT, F.lit(False))


def _is_set_aside() -> Column:
    return F.coalesce(F.col("message_source") == SET_ASIDE, F.lit(False))


def _bounded(events: DataFrame, telemetry: Telemetry) -> DataFrame:
    """The envelope in storable form and size, as every element carries a copy."""
    # Spark takes a hash for one that may be null, and the state of an earlier version has a partition that may not be.
    names = {name: f"coalesce(if({is_longer(name, most)}, sha2({name}, 256), {name}), {name})" for name, most in
             {"message_id": telemetry.max_name, "partition": LONGEST_PARTITION}.items()}  # fmt: skip
    longest = telemetry.max_name + 1
    changed = {**names, "device_id": f"if({is_longer('device_id', longest)}, left(device_id, {longest}), device_id)"}
    kept = [name for name in events.columns if name not in changed]
    return events.selectExpr(*kept, *[f"{text} as {name}" for name, text in changed.items()])


def _parsed(events: DataFrame, telemetry: Telemetry, clock: Clock) -> DataFrame:
    """Adds `unreadable` (why the whole body cannot be read, else null) and `elements`; `enqueued_time` null where not believed.

    Parsing is dear, so it is a step of its own, and the elements are another. Spark compiles no step that holds from_json or
    a lambda, and copies the row for it: what few bodies need stands in these two, more than once rather than in a third.
    """
    shape = shapes.MAP if by_name(telemetry) else _struct(telemetry)
    unreadable = (
        F.when(is_heartbeat(), HEARTBEAT)
        .when(_is_set_aside(), REASON_SET_ASIDE)
        .when(F.coalesce(F.octet_length("body"), F.lit(0)) == 0, "empty")
        .when(F.octet_length("body") > telemetry.max_body, "too_large")
        # Not decode(): where bytes are no UTF-8, Spark 3.5 mends them and 4.1 fails the batch. encode() mends on both.
        .when(F.encode(F.col("body").cast("string"), "UTF-8") != F.col("body"), "not_utf8")
    )
    most, texts = telemetry.max_elements, _lists("mended", "string")
    good = f"coalesce({_is_whole('parsed')} and (size(parsed[0]) = 1 or {IS_ARRAY}), false)"
    is_deep = f"may_be_deep and {_is_deep(telemetry.max_depth)}"
    # One bad element must not cost its neighbours: such an array is read again as texts, then each on its own; and so is what
    # holds JSON in a wrapping of its own, of which good bodies pay nothing.
    again = f"unreadable is null and ({IS_ARRAY} or {IS_WRAPPED}) and not ({is_deep})"
    each = f"transform(texts[0], x -> get(get({_lists(_in_list('x'), shape)}, 0), 0))"
    items = f"case when {_is_whole('texts')} and size(texts[0]) <= {most} then {each} end"
    are_many = f"{_is_whole('texts')} and size(texts[0]) > {most}"
    of_texts = f"transform(transform(array({MENDED}), mended -> {texts}), texts -> "
    whole, one_by_one = _with_times("parsed[0]", telemetry), _with_times("mine", telemetry)
    mended = f"transform(array({of_texts}{items})[0]), mine -> {one_by_one})[0]"
    elements = f"case when {good} then if(size(parsed[0]) <= {most}, {whole}, null) when {again} then {mended} end"
    usual = f"{good} and size(parsed[0]) <= {most} and {_is_plain('parsed[0]', telemetry)}"
    elements = f"if({usual}, parsed[0], {_with_nested(elements, telemetry)})"
    others = [name for name in events.columns if name != "unreadable"]
    return (
        events.withColumns(
            {
                "unreadable": unreadable,
                "may_be_deep": F.expr(_may_be_deep(telemetry.max_depth)),
                "may_nest": F.expr(MAY_NEST),
            }
        )
        .withColumns(
            {
                "parsed": F.expr(_parsed_body(shape, is_deep)),
                "enqueued_time": F.expr(clock.believed("enqueued_time")),
            }
        )
        .selectExpr(
            *others,
            f"case when {good} then if(size(parsed[0]) > {most}, 'too_many_elements', unreadable)"
            f" when unreadable is not null then unreadable when {is_deep} then 'too_deep'"
            f" when {again} and {of_texts}{are_many})[0] then 'too_many_elements' end as unreadable",
            f"{elements} as elements",
        )
        .transform(lambda df: _reshaped(df, telemetry))
    )


def _with_times(elements: str, telemetry: Telemetry) -> str:
    """SQL: elements with times in usual forms; where shapes change, that is for `_flat` to do."""
    time = _time(telemetry)
    if time is None or _changes_shape(telemetry):
        return elements
    return usual_times(elements, time, None if by_name(telemetry) else _members(telemetry), forms_of(telemetry))


def _is_plain(elements: str, telemetry: Telemetry) -> str:
    """SQL: whether there is nothing to change: most bodies are not to pay for what few need."""
    time = _time(telemetry)
    cases = ["may_nest"] if _reads_nested(telemetry) else []
    if time is not None and not _changes_shape(telemetry):
        cases.append(any_rare(elements, time, forms_of(telemetry)))
    return " and ".join(f"not {case}" for case in cases) or "true"


def _reads_nested(telemetry: Telemetry) -> bool:
    return telemetry.signals == "auto" and telemetry.nested > 0 and not _changes_shape(telemetry)


def _with_nested(elements: str, telemetry: Telemetry) -> str:
    """SQL: elements with nested members under their paths; written once, as each batch pays for planning what is written."""
    if not _reads_nested(telemetry):
        return elements
    each = f"if({_nests('e')}, {_under_paths('e', telemetry.nested, telemetry)}, e)"
    return let(elements, "x", f"if(may_nest, transform(x, e -> {each}), x)")


def _nests(element: str) -> str:
    return f"exists(map_values({element}), v -> left(v, 1) = '{{')"


def _under_paths(element: str, levels: int, telemetry: Telemetry) -> str:
    left_out = shapes.NOT_SIGNALS if telemetry.signals == "auto" else ()
    return shapes.flat(element, levels, kept=needed(telemetry), left_out=left_out)


def _changes_shape(telemetry: Telemetry) -> bool:
    """Whether elements are lists or records of the body, or reached by paths."""
    return telemetry.by_paths or (telemetry.signals == "auto" and telemetry.records == "auto")


def is_longer(text: str, most: int) -> str:
    """SQL: whether a text has more characters; they are counted only where it has more bytes."""
    return f"octet_length({text}) > {most} and length({text}) > {most}"


def _may_be_deep(most: int) -> str:
    """SQL: whether there are more than `most` opening brackets."""
    opens = "^" + r"(?:[^\[{]*+[\[{])" + f"{{{most + 1}}}"
    # So many of both kinds are half as many of one. To look for one character costs a twentieth of a pattern, and to count it
    # four times as much as to find none: most bodies are one object without another bracket.
    half = most // 2 + 1
    more = f"({HAS_MORE} or contains({TEXT}, '['))"
    some = " or ".join(f"octet_length(substring_index({TEXT}, '{one}', {half})) < octet_length(body)" for one in "{[")
    return f"{more} and octet_length(body) > {2 * most} and ({some}) and {TEXT} rlike {quoted(opens)}"


def _is_deep(most: int) -> str:
    """SQL: whether brackets nest deeper than `most`: strings away, then `most` times the innermost pairs."""
    bare = f"regexp_replace({TEXT}, {quoted(STRING)}, '')"
    left = f"aggregate(sequence(1, {most}), {bare}, (rest, _) -> regexp_replace(rest, {quoted(PAIR)}, ''))"
    opened = f"length(translate(rest, '[{{', '')) < length(rest) - {most}"
    return f"exists(array({left}), rest -> rest rlike {quoted(PAIR)} or {opened})"


def _parsed_body(shape: str, is_deep: str) -> str:
    """SQL: the body as a list of its elements and an empty list; null where it is not to be read."""
    text = (
        f"case when unreadable is not null or {is_deep} then null when {IS_ARRAY} then {TEXT} else {_in_list(TEXT)} end"
    )
    return _lists(text, shape)


def _in_list(text: str) -> str:
    return f"concat('[', {text}, ']')"


def _lists(text: str, shape: str) -> str:
    """SQL: JSON text of a list -> the list, and an empty list behind it.

    from_json ends where its value is complete and overlooks what follows: a second array, a torn rest.
    With the empty list behind the text, such a rest breaks the JSON or the number of lists.
    """
    return f"from_json(concat('[', {text}, ',[]]'), {quoted(f'array<array<{shape}>>')})"


def _is_whole(lists: str) -> str:
    return f"size({lists}) = 2 and size({lists}[1]) = 0"


def _struct(telemetry: Telemetry) -> str:
    """The type of one element for declared signals: text members, so that nothing is lost to a type that does not fit."""
    return "struct<" + ",".join(f"`{name.replace('`', '``')}`:string" for name in _members(telemetry)) + ">"


def _members(telemetry: Telemetry) -> list[str]:
    """What is read of an element with declared signals."""
    ids = [name for name in telemetry.device_id if name != "system"]
    times = [] if telemetry.event_time == "enqueued" else [telemetry.event_time]
    return list(dict.fromkeys([*ids, *times, *telemetry.signals]))


def _reshaped(bodies: DataFrame, telemetry: Telemetry) -> DataFrame:
    """Lists and records of the body as elements of their own; no more of them than an array may have."""
    kept, time = needed(telemetry), _time(telemetry)
    shaped = shapes.reshaped("elements", telemetry, kept, time)
    if shaped == "elements":
        return bodies
    may_be = "get(elements, 0)['v'] is not null or get(elements, 0)['Value'] is not null or size(elements) > 1"
    asked = "true" if telemetry.by_paths else may_be
    too_many = f"size(elements) > {telemetry.max_elements}"
    return (
        bodies.withColumn("elements", F.expr(f"if(elements is not null and ({asked}), {shaped}, elements)"))
        .withColumn("unreadable", F.expr(f"coalesce(unreadable, if({too_many}, 'too_many_elements', null))"))
        .withColumn("elements", F.expr(f"if({too_many}, null, elements)"))
    )


def needed(telemetry: Telemetry) -> list[str]:
    """The members that name device and time, as an element knows them."""
    devices = [telemetry.local(name) for name in telemetry.device_id if name != "system"]
    return [*devices, *([time] if (time := _time(telemetry)) else [])]


def _time(telemetry: Telemetry) -> str | None:
    return None if telemetry.event_time == "enqueued" else telemetry.local(telemetry.event_time)


def _flat(elements: DataFrame, telemetry: Telemetry) -> DataFrame:
    """Maps with nested members under their paths, each once, as far as the settings reach."""
    if not _changes_shape(telemetry):
        return elements
    auto = telemetry.signals == "auto"
    deepest = max((telemetry.local(path).count(".") for path in telemetry.paths), default=0)
    if levels := max(deepest, telemetry.nested if auto else 0):
        flat = _under_paths("one", levels, telemetry)
        one = f"if({_nests('one')}, {flat}, {shapes.unique('one')})"
        elements = elements.withColumn("one", F.expr(one))
    if (time := _time(telemetry)) is not None:
        elements = elements.withColumn("one", F.expr(usual_time("one", time, None, forms_of(telemetry))))
    return elements


def _elements(bodies: DataFrame, telemetry: Telemetry) -> DataFrame:
    """One row per element; a body without elements keeps one row. Of the body only its beginning, length and hash go on."""
    keep = telemetry.keep_body
    share = f"greatest(least({LEAST_KEPT}, {keep}), {MANY * keep} div greatest(coalesce(size(elements), 1), 1))"
    named = ["enqueued_time", "device_id", "message_id", "source", "partition", "sequence", "unreadable", "elements"]
    light = bodies.selectExpr(
        *named,
        f"substring(body, 1, cast(least({keep}, {share}) as int)) as cut",
        "cast(octet_length(body) as bigint) as body_bytes",
        "if(message_id is null, null, xxhash64(body)) as body_hash",
    )
    others = [name for name in light.columns if name != "elements"]
    return light.select(*others, F.posexplode_outer("elements").alias("position", "one"))
