"""What goes up with a run: the script that starts it, its configuration, and this package as a wheel."""

from __future__ import annotations

from pathlib import Path

from ad_stream.errors import InputError, SetupError

PACKAGE = Path(__file__).resolve().parents[1]
BUILD = "python -m pip wheel . --no-deps --wheel-dir dist"


def script(name: str) -> bytes:
    """jobs/<name>.py: beside the package in a checkout, within it when installed from a wheel."""
    for folder in (PACKAGE / "jobs", PACKAGE.parent / "jobs"):
        if (folder / f"{name}.py").is_file():
            return (folder / f"{name}.py").read_bytes()
    raise SetupError(
        f"this installation lacks jobs/{name}.py: install ad-stream from its wheel or run it from its checkout"
    )


def wheel(named: Path | None) -> Path:
    """The wheel that the run installs: the one named, else the newest in dist/."""
    if named is not None:
        if named.suffix != ".whl" or not named.is_file():
            raise InputError(f"--wheel {str(named)!r} is no wheel: '{BUILD}' makes one in dist/")
        return named
    built = sorted(Path("dist").glob("ad_stream-*.whl"), key=lambda path: path.stat().st_mtime)
    if not built:
        raise InputError(
            f"there is no wheel of ad-stream in dist/: '{BUILD}' makes one in a checkout, or name one with --wheel"
        )
    return built[-1]
