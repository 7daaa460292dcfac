"""Where telemetry comes from: one folder per kind with `settings` (pydantic, no Spark) and `reader` (Spark).

In: the section `source`. Out: a stream of messages (EVENT) or of rows (ROW), both described in `contract`. `registry` has one
line per kind; `config` asks it for settings, `pipeline/run.py` for readers. What two kinds share lies beside them.
"""
