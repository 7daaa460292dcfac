"""Secrets: what they show, what they give, and what is cut out of texts."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from string import ascii_letters, digits
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from ad_stream.errors import ConfigError, SetupError
from ad_stream.secrets import Secret, first_line, redact

VALUE = "s3cr3t-value-4711"
PUSH_URL = "https://api.powerbi.com/beta/tenant/datasets/set/rows?key=aBc%2FdEf%3D%3D"


@pytest.mark.parametrize("show", [str, repr, format, "{}".format, lambda secret: f"{secret!s:>5}"])
def test_a_value_shows_only_asterisks(show: object) -> None:
    shown = show(Secret(VALUE))  # type: ignore[operator]
    assert VALUE not in shown
    assert "***" in shown


def test_a_reference_shows_itself_and_not_what_it_refers_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", VALUE)
    secret = Secret("${env:MY_KEY}")
    assert str(secret) == "${env:MY_KEY}"
    assert repr(secret) == "Secret(${env:MY_KEY})"
    assert secret.reveal() == VALUE


def test_a_variable_is_read_at_last_use_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    secret = Secret("${env:MY_KEY}")
    with pytest.raises(ConfigError, match=r"^the environment variable MY_KEY is not set: export it, .* refers to it$"):
        secret.reveal()
    monkeypatch.setenv("MY_KEY", f"{VALUE}\n")
    assert secret.reveal() == VALUE


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_secret_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="a secret is empty"):
        Secret(text)


@pytest.mark.parametrize("text", ["https://x?key=${env:KEY}", "${KEY}", "{{secrets/scope}}", "${env:}", "${env:A B}"])
def test_a_reference_that_is_not_the_whole_value_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigError, match="must be the whole value") as caught:
        Secret(text)
    assert "https" not in str(caught.value)


def test_a_value_is_not_pickled_and_a_reference_is() -> None:
    with pytest.raises(ConfigError, match="is not sent to other processes"):
        pickle.dumps(Secret(VALUE))
    assert pickle.loads(pickle.dumps(Secret("${env:MY_KEY}"))) == Secret("${env:MY_KEY}")


def test_a_copy_is_the_secret_itself() -> None:
    secret = Secret(VALUE)
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"a": [secret]})["a"][0] is secret


def test_equal_secrets_are_equal_and_hash_alike() -> None:
    assert len({Secret(VALUE), Secret(VALUE), Secret("${env:A}")}) == 2
    assert Secret(VALUE) != VALUE


class Settings(BaseModel):
    key: Secret
    other: Secret | None = None


def test_a_pydantic_field_reads_text_and_writes_the_mask() -> None:
    settings = Settings.model_validate({"key": VALUE, "other": "${env:A}"})
    assert settings.key.reveal() == VALUE
    assert json.loads(settings.model_dump_json()) == {"key": "***", "other": "${env:A}"}
    assert VALUE not in repr(settings)


@pytest.mark.parametrize(
    ("value", "said"), [("", "a secret is empty"), (7, "write a reference"), ("${X}", "whole value")]
)
def test_a_pydantic_field_says_what_is_wrong(value: object, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate({"key": value})


def test_outside_databricks_a_scope_reference_names_the_way_out() -> None:
    with pytest.raises(
        SetupError, match=r"^\{\{secrets/iot/key\}\} can only be read on Databricks: use \$\{env:NAME\}"
    ):
        Secret("{{secrets/iot/key}}").reveal()


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A runtime package as Databricks has it, with one secret."""
    package = tmp_path / "databricks" / "sdk" / "runtime"
    package.mkdir(parents=True)
    for parent in (package.parent, package.parent.parent):  # an installed databricks-sdk would win over a namespace
        (parent / "__init__.py").touch()
    (package / "__init__.py").write_text(
        "class _Secrets:\n"
        "    def get(self, scope, key):\n"
        f"        return {{('iot', 'key'): {VALUE!r}}}[scope, key]\n"
        "class dbutils:\n"
        "    secrets = _Secrets()\n"
    )
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "databricks"}
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "databricks"]:
        del sys.modules[name]
    sys.modules.update(before)


@pytest.mark.usefixtures("workspace")
def test_on_databricks_a_scope_reference_gives_the_value() -> None:
    assert Secret("{{secrets/iot/key}}").reveal() == VALUE


@pytest.mark.usefixtures("workspace")
def test_a_key_that_the_scope_lacks_is_named() -> None:
    with pytest.raises(ConfigError, match=r"did not give \{\{secrets/iot/other\}\} \(KeyError\): check scope"):
        Secret("{{secrets/iot/other}}").reveal()


@pytest.mark.parametrize(
    "text",
    [
        f"cannot reach {PUSH_URL}",
        "Max retries exceeded with url: /beta/tenant/datasets/set/rows?key=aBc%2FdEf%3D%3D (Caused by Timeout())",
        "the key aBc/dEf== was refused",
        "POST https://api.powerbi.com/beta/other/rows?key=aBc%2FdEf%3D%3D&x=1",
    ],
)
def test_a_push_url_leaves_a_text_whole_decoded_or_in_parts(text: str) -> None:
    clean = redact(text, Secret(PUSH_URL))
    assert "aBc" not in clean
    assert "dEf" not in clean


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Endpoint=sb://hub/;SharedAccessKeyName=root;SharedAccessKey=QWxhZGRpbg==;EntityPath=t", "QWxhZGRpbg"),
        ("SharedAccessSignature sr=x&sig=abcDEF&se=1", "abcDEF"),
        ("Ocp-Apim-Subscription-Key: 0123abcd", "0123abcd"),
        ("{'Authorization': 'Bearer eyJhbGciOi'}", "eyJhbGciOi"),
        ("https://user:hunter2@host/path", "hunter2"),
        ("?code=Zm9vYmFy and more", "Zm9vYmFy"),
    ],
)
def test_what_looks_like_a_secret_is_cut_out_unasked(text: str, hidden: str) -> None:
    assert hidden not in redact(text)


def test_ordinary_words_stay() -> None:
    text = "the device 'pump 7' sent 12 rows to hub.example:443 in 3 s; monkey business"
    assert redact(text, Secret(PUSH_URL), VALUE) == text


def test_a_reference_that_cannot_be_resolved_does_not_stop_redacting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    assert redact(f"a {VALUE}", Secret("${env:MY_KEY}"), VALUE) == "a ***"


@example(value="0://", before="", after="")  # the whole secret counts however short, only its parts have a least length
@given(st.text(ascii_letters + digits + "+/=-_.~%&;: ", min_size=4).filter(str.strip), st.text(), st.text())
def test_no_text_keeps_a_secret_whatever_stands_around_it(value: str, before: str, after: str) -> None:
    assert value not in redact(f"{before}{value}{after}", value)
    encoded = quote(value, safe="")
    clean = redact(f"{before}{encoded}{after} {value}", Secret(value))
    assert value not in clean
    assert encoded not in clean


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("\n  first\r\n\tat Java"), "first"),
        (ValueError("key=abc\nmore"), "key=***"),
        (ValueError(), "ValueError"),
        (ValueError(" \n "), "ValueError"),
        ("", "no cause given"),
        (f"sig={'x' * 400}", "sig=***"),
        ("y" * 400, "y" * 300),
    ],
)
def test_an_error_is_quoted_by_its_first_line_short_and_without_secrets(error: object, line: str) -> None:
    assert first_line(error) == line
