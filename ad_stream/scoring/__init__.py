"""Rows to verdicts without Spark: rows -> matrix -> windows -> a detector's answer -> columns of `detections`.

In: values of many series, as rows or packed minute by minute. Out: one verdict for each judged value. The stream, the
backfill, what-if, `ad_stream.detect` and `ad_stream.pipeline.detect` call it, which is why their rows are equal.
"""
