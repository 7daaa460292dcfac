"""Bodies that people bring: a sample of them -> the section `telemetry` that reads it, and what it leaves out (`ad-stream infer`)."""
