"""Prints ad_stream/runtime/jars.sha256 anew: every jar of both lines of Spark, as Maven Central gives it now.

    python requirements/jar_hashes.py > new && diff ad_stream/runtime/jars.sha256 new

Compare before you commit: a line that changes for a version that stands is a jar that was replaced.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from ad_stream.runtime import checksums, jars, maven, spark_versions


def main() -> None:
    found: dict[str, str] = {}
    for coordinates in sorted({one for line in spark_versions.SPARK_VERSIONS for one in line.jars.values()}):
        with tempfile.TemporaryDirectory() as folder:
            maven.ivy(coordinates, Path(folder), jars.spark_folder() / "jars")
            for path in Path(folder).glob("*.jar"):
                digest = checksums.digest(path)
                if found.setdefault(path.name, digest) != digest:
                    sys.exit(f"two files are called {path.name}")
    for name, digest in sorted(found.items()):
        print(f"{digest}  {name}")


if __name__ == "__main__":
    main()
