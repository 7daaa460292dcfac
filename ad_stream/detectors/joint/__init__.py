"""Several signals of a device judged together: what is odd in how they hang together, though each alone looks usual.

`train` makes a model of a stretch of rows, `judge_many` gives verdicts on later ones; `relation` and `score` say by which
rule. numpy and scipy only; a model is arrays (`blob`).
"""
