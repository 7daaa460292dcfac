"""The retired container's command line, as our image takes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ad_stream.azure_api.container import command
from ad_stream.errors import ConfigError

KEY = "0123456789abcdef0123456789abcdef"
RETIRED = ["Eula=accept", "Billing=https://plant.example.org/", f"ApiKey={KEY}"]
SERVED = ["serve", "--host", "0.0.0.0", "--port", "5000"]


def test_the_retired_line_becomes_serve_with_its_key_in_the_environment_only() -> None:
    words, environ = command(RETIRED, {"PATH": "/bin"})
    assert (words, environ) == (SERVED, {"PATH": "/bin", "AD_STREAM_KEYS": KEY})


def test_settings_come_in_any_order_and_any_case_of_letters() -> None:
    assert command(["apikey=" + KEY, "BILLING=x", "eula=Accept"], {}) == (SERVED, {"AD_STREAM_KEYS": KEY})


def test_without_words_the_environment_says_it_and_loses_what_nobody_reads() -> None:
    words, environ = command([], {"eula": "accept", "billing": "x", "apikey": KEY, "HOME": "/tmp"})
    assert (words, environ) == (SERVED, {"HOME": "/tmp", "AD_STREAM_KEYS": KEY})


@pytest.mark.parametrize(
    "words", [[], ["--version"], ["run", "conf/local.yaml", "--set", "eula=accept"], ["validate", "Eula=accept"]]
)
def test_every_other_line_is_passed_on_as_it_is(words: list[str]) -> None:
    assert command(words, {"ApiKey": "kept"}) == (words, {"ApiKey": "kept"})


@pytest.mark.parametrize("left_out", range(3))
def test_a_setting_that_is_missing_is_named_and_nothing_starts(left_out: int) -> None:
    words = [word for k, word in enumerate(RETIRED) if k != left_out]
    with pytest.raises(ConfigError, match=f"^{RETIRED[left_out].split('=')[0]} is missing: give Eula=accept") as caught:
        command(words, {})
    assert KEY not in str(caught.value)


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(ConfigError, match="^Billing and ApiKey are missing"):
        command(["Eula=accept", "ApiKey= "], {})


def test_a_licence_that_is_not_accepted_starts_nothing() -> None:
    with pytest.raises(ConfigError, match="^Eula='no' accepts nothing: give Eula=accept"):
        command(["Eula=no", *RETIRED[1:]], {})


@pytest.mark.parametrize("words", [[*RETIRED, "--verbose"], [RETIRED[2], "=", *RETIRED[:2]]])
def test_a_word_that_is_no_setting_starts_nothing_and_no_key_is_repeated(words: list[str]) -> None:
    with pytest.raises(ConfigError, match="is no setting: write each as NAME=VALUE") as caught:
        command(words, {})
    assert KEY not in str(caught.value)


def test_what_has_no_meaning_here_is_told_without_its_value(capsys: pytest.CaptureFixture[str]) -> None:
    command([*RETIRED, "ApplicationInsights:InstrumentationKey=s3cret", "Logging:Console:LogLevel:Default=Debug"], {})
    told = capsys.readouterr().err
    assert "InstrumentationKey was a setting of the retired container and changes nothing here" in told
    assert "LogLevel:Default was" in told
    assert "s3cret" not in told and KEY not in told


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads the command line of a process from /proc")
def test_the_started_process_is_the_same_one_and_shows_no_key(tmp_path: Path) -> None:
    program = tmp_path / "ad-stream"
    program.write_text("#!/bin/sh\necho $$ $AD_STREAM_KEYS\ntr '\\0' ' ' < /proc/$$/cmdline\n")
    program.chmod(0o755)
    code = f"import sys; sys.executable = {str(tmp_path / 'python')!r}; from ad_stream.azure_api.container import main; main()"
    process = subprocess.Popen([sys.executable, "-c", code, *RETIRED], stdout=subprocess.PIPE, text=True)
    told, _ = process.communicate(timeout=60)
    first, line = told.splitlines()
    assert first == f"{process.pid} {KEY}"
    assert line.split()[-5:] == SERVED and KEY not in line


def test_a_refusal_is_one_sentence_and_exit_code_2() -> None:
    module = [sys.executable, "-m", "ad_stream.azure_api.container", *RETIRED[1:]]
    answer = subprocess.run(module, capture_output=True, text=True, timeout=60)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("ad-stream: Eula is missing: give Eula=accept") and KEY not in answer.stderr
