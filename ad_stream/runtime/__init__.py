"""What a machine of one's own needs to start Spark: which version is installed, its jars, a Java that runs it.

In: the installed pyspark. Out: paths and coordinates. `pipeline/operation/session.py` and the tests' clusters call it;
on Databricks nobody does.
"""
