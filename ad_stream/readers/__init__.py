"""Where telemetry lies already, read a range of time at a time, without Spark: databases, REST, files; one file a kind.

In: a named source of the configuration and a range. Out: Arrow batches of readings. `registry` has a line per kind.
"""
