"""Files below the root and uploaded files: nothing outside is read, nor told of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ad_stream.azure_api.multivariate.faults import ContractError
from ad_stream.azure_api.multivariate.settings import MultivariateSettings
from ad_stream.azure_api.multivariate.sources import check, local


@pytest.fixture
def settings(tmp_path: Path) -> MultivariateSettings:
    for name in ("root/pump", "state/files", "state/models"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "root" / "x.zip").write_bytes(b"x")
    (tmp_path / "root" / "pump" / "ä b.csv").write_bytes(b"x")
    (tmp_path / "state" / "files" / "up.zip").write_bytes(b"x")
    (tmp_path / "secret.csv").write_bytes(b"x")
    (tmp_path / "root" / "link.csv").symlink_to(tmp_path / "secret.csv")
    os.mkfifo(tmp_path / "root" / "pipe")
    return MultivariateSettings(state=tmp_path / "state", data_root=tmp_path / "root", source_bytes=10)


@pytest.mark.parametrize(
    ("source", "meant"),
    [
        ("x.zip", "root/x.zip"),
        ("file:x.zip", "root/x.zip"),
        ("file:///{root}/x.zip", "root/x.zip"),
        ("/{root}/x.zip", "root/x.zip"),
        ("pump", "root/pump"),
        ("pump/../x.zip", "root/x.zip"),
        ("file:pump/%C3%A4%20b.csv", "root/pump/ä b.csv"),
        ("pump/ä b.csv", "root/pump/ä b.csv"),
        ("files/up.zip", "state/files/up.zip"),
        ("files/UP.zip", "state/files/up.zip"),
    ],
)
def test_files_are_named_in_every_usual_form(
    settings: MultivariateSettings, tmp_path: Path, source: str, meant: str
) -> None:
    named = source.replace("{root}", str(tmp_path / "root").lstrip("/"))
    check(named, settings)
    assert local(named, settings) == (tmp_path / meant).resolve()


@pytest.mark.parametrize(
    "source",
    [
        "../secret.csv", "/etc/passwd", "file:///etc/passwd", "file:..%2Fsecret.csv", "file:%2e%2e/secret.csv", "link.csv",
        "pipe", "nothing.zip", "x.zip/y", "\x00", "a" * 5000, "files/../models", "files/none.zip", "..", "delta:minutes",
        "/dev/zero", "~/x", "pump/../../secret.csv", "files/..%2f..%2fsecret.csv",
    ],
)  # fmt: skip
def test_all_else_is_answered_as_if_it_were_not_there(
    settings: MultivariateSettings, tmp_path: Path, source: str
) -> None:
    with pytest.raises(ContractError) as caught:
        check(source, settings)
    assert (caught.value.code, caught.value.status) == ("FileNotExist", 400)
    assert str(tmp_path) not in caught.value.message


def test_the_state_folder_is_no_source_even_below_the_root(settings: MultivariateSettings, tmp_path: Path) -> None:
    """The addresses of waiting jobs lie in it, with their signatures."""
    above = MultivariateSettings(state=tmp_path / "state", data_root=tmp_path)
    (tmp_path / "state" / "models" / "source").write_text("https://a.example/x?sig=s3cr3t\n")
    assert local("root/x.zip", above).name == "x.zip"
    for source in ("state/models/source", "root/../state/models/source", "state/models", "state"):
        with pytest.raises(ContractError) as caught:
            check(source, above)
        assert caught.value.code == "FileNotExist"


def test_a_file_beyond_the_limit_is_too_large(settings: MultivariateSettings, tmp_path: Path) -> None:
    (tmp_path / "root" / "large.csv").write_bytes(b"x" * 11)
    with pytest.raises(ContractError, match=r"exceeds the file size limit \(10 bytes\)") as caught:
        check("large.csv", settings)
    assert (caught.value.code, caught.value.status) == ("InvalidFileSize", 413)


def test_without_a_root_no_file_is_read_but_uploads_are(settings: MultivariateSettings, tmp_path: Path) -> None:
    rootless = MultivariateSettings(state=tmp_path / "state")
    assert local("files/up.zip", rootless).name == "up.zip"
    with pytest.raises(ContractError, match="without --data-root no file is read") as caught:
        check("x.zip", rootless)
    assert caught.value.code == "InvalidBlobURL"
    with pytest.raises(ContractError, match="Upload it first"):
        check("files/none.zip", rootless)
