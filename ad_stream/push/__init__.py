"""What is sent after the commit: outbox, limits, sending, and in `targets/` one file per kind of target.

In: rows of `detections` that a batch has committed. Out: one delivery per target and batch, kept in `deliveries`.
`pipeline/delivery.py` calls it; `registry` makes the targets of a configuration.
"""
