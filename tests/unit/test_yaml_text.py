"""Configurations of strangers: bombs, depth, other encodings and impossible values are a sentence and exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from ad_stream.config import load
from ad_stream.config.overrides import overrides
from ad_stream.config.yaml_text import YamlTextError, read_yaml
from ad_stream.durations import parse_duration
from ad_stream.errors import ConfigError, InputError
from ad_stream.times import moment
from tests.unit.test_cli import CONFIG, ad_stream

LAUGHS = "\n".join([f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else '1'}]" for n in range(10)])
QUADRATIC = "a: &a [" + "1, " * 5000 + "1]\nb: [" + "*a, " * 5000 + "*a]"
MERGED = "\n".join(
    ["m0: &m0 {k: 1}"] + [f"m{n}: &m{n} {{<<: *m{n - 1}, x: [*m{n - 1}, *m{n - 1}]}}" for n in range(1, 13)]
)
BOMBS = {
    "billion laughs": (LAUGHS, "more than 20,000 values"),
    "quadratic": (QUADRATIC, "more than 20,000 values"),
    "merge keys": (MERGED, "more than 20,000 values"),
    "deep lists": ("a: " + "[" * 100_000, "deeper than 32 levels in line 1"),
    "deep mappings": ("{a: " * 100_000, "deeper than 32 levels"),
    "deep blocks": ("\n".join("  " * n + "a:" for n in range(400)), "deeper than 32 levels in line 33"),
    "deep questions": ("? " * 50_000, "deeper than 32 levels"),
    "many": ("- 1\n" * 30_000, "more than 20,000 values"),
    "long": ("# " + "x" * 2_000_000, "longer than 1024 KiB"),
    "itself": ("a: &a [*a]", "alias of what is not whole before it, in line 1"),
    "unknown alias": ("a: *b", "alias of what is not whole"),
    "impossible date": ("a: 2026-13-99", "holds a value that is none: month must be in 1..12"),
    "long number": ("a: " + "9" * 10_000, "holds a value that is none"),
    "tag": ("a: !!python/object/apply:os.system [x]", "could not determine a constructor"),
    "tab": ("a:\n\t- 1", "is no valid YAML in line 2"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", list(BOMBS))
def test_a_bomb_is_a_sentence(name: str, tmp_path: Path) -> None:
    text, told = BOMBS[name]
    with pytest.raises(YamlTextError, match=told.replace(".", r"\.")):
        read_yaml(text)
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert told in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_aliases_within_the_bounds_are_read() -> None:
    assert read_yaml("a: &a [1, 2]\nb: *a\nc: {<<: &d {x: 1}, y: *a}") == {
        "a": [1, 2], "b": [1, 2], "c": {"x": 1, "y": [1, 2]},
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ["billion laughs", "deep lists", "deep blocks"])
def test_the_command_answers_a_bomb_with_exit_code_2(name: str, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(BOMBS[name][0])
    answer = ad_stream("validate", str(path))
    assert (answer.returncode, answer.stderr.count("\n"), "Traceback" in answer.stderr) == (2, 1, False)


@pytest.mark.slow
def test_a_file_in_another_encoding_is_a_sentence_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes("source:\n  path: Prüfstand\n".encode("latin-1"))
    answer = ad_stream("validate", str(path))
    assert answer.returncode == 2
    assert answer.stderr.endswith("is not UTF-8 (byte 0xfc in line 2): save it as UTF-8\n")
    path.write_bytes(b"\xef\xbb\xbf" + Path(CONFIG).read_bytes())
    assert ad_stream("validate", str(path)).returncode == 0


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (["a=5", "a.b=1"], "--set gives 'a' a value and settings below it: leave out one of them"),
        (["a.b=5", "a.b.c=1"], "--set gives 'a.b' a value"),
        ([".".join("a" * 5000) + "=1"], "has no key and value"),
        (["a=" + "[" * 5000], "the value of --set 'a' is nested deeper than 32 levels"),
        (["a=2026-99-99"], "the value of --set 'a' holds a value that is none"),
    ],
)
def test_settings_that_contradict_or_bomb_are_a_sentence(pairs: list[str], told: str) -> None:
    with pytest.raises(InputError) as caught:
        overrides(pairs)
    assert told in str(caught.value)


@pytest.mark.slow
def test_the_command_says_which_setting_is_given_twice() -> None:
    answer = ad_stream("validate", CONFIG, "--set", "a=5", "--set", "a.b=1")
    told = "ad-stream: --set gives 'a' a value and settings below it: leave out one of them\n"
    assert (answer.returncode, answer.stderr) == (2, told)


@pytest.mark.parametrize(
    "text",
    ["0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00", "0001-01-01", "9999-12-31", "1899-12-30T00:00Z", "x" * 5000],
)
def test_times_near_the_ends_of_the_calendar_are_a_sentence(text: str) -> None:
    with pytest.raises(InputError, match=r"is no time: write it like|lies outside the years 1900 to 2200") as caught:
        moment(text)
    assert len(str(caught.value)) < 200


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("backfill", "--config", CONFIG, "--from", "0001-01-01T00:00+14:00", "--to", "2026-01-01"),
        ("report", "pump", "--from", "9999-12-31T23:59-14:00"),
        ("simulate", "out", "--start", "0001-01-01T00:00+14:00"),
        ("config", "mute", "--device", "x", "--from", "0001-01-01", "--for", "1 hour"),
        ("validate", CONFIG, "--set", "source.start=0001-01-01T00:00+14:00"),
        ("validate", CONFIG, "--set", "trigger=" + "9" * 4000),
    ],
)
def test_the_commands_take_no_such_time(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = ad_stream(*arguments)
    assert answer.returncode == 2, answer.stderr
    assert "Traceback" not in answer.stderr
    assert answer.stderr.lstrip().startswith("ad-stream: ")


@pytest.mark.parametrize("value", [10**400, -(10**400), float("inf"), float("nan"), "9" * 500 + " days"])
def test_a_duration_beyond_all_time_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="write a duration"):
        parse_duration(value)
