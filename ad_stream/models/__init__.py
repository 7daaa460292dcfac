"""What is learned from stored windows and used beside them: blobs that hold numbers only, and who is known by them.

In: the values of series over days. Out: rows of the table `models`, and `KnownSeries`, which scoring asks what is
known of each series. Training in Spark is `pipeline.train`, the choice of a version `pipeline.steps.models`.
"""
