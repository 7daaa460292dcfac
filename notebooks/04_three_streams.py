# Databricks notebook source
# MAGIC %md
# MAGIC # Three streams of the retired service's days
# MAGIC
# MAGIC A sine whose period grows, with two pairs of spikes; a sine with a flat stretch; and the daily temperature of the
# MAGIC Skagit valley in 2015, where the sensor fails for nine days. For each: the points that the retired Azure Anomaly
# MAGIC Detector flagged as the last of its window (recorded while it ran), those of the detector `service`, which
# MAGIC follows its published algorithm with the same window and sensitivity, and those of `default`.

# COMMAND ----------

# MAGIC %pip install /Volumes/main/iot/ad_stream/ad_stream-0.1.0-py3-none-any.whl

# COMMAND ----------

dbutils.widgets.text("skagit", "")
skagit = dbutils.widgets.get("skagit")

# COMMAND ----------

# MAGIC %md
# MAGIC ## The streams
# MAGIC The sines are formulas. The temperatures are NOAA's (Global Surface Summary of the Day, public): give `skagit` a CSV
# MAGIC with the columns `timestamp` (a date, or seconds since 1970) and `value`, a row a day from 2015-01-01; without it
# MAGIC that stream is left out.

# COMMAND ----------

import numpy as np
import pandas as pd

day = np.arange(365)
lengthening = 4 + 0.5 * np.sin(0.314 * day * 0.9995**day)
lengthening[[120, 121, 300, 301]] = 3, 5, 5, 2
flat = 4 + 0.5 * np.sin(0.314 * day)
flat[200:260] = 4
dates = pd.date_range("2015-01-01", periods=365, freq="D", tz="UTC")
streams = {
    "lengthening sine": pd.DataFrame({"timestamp": dates, "value": lengthening}),
    "flattened sine": pd.DataFrame({"timestamp": dates, "value": flat}),
}
if skagit:
    streams["Skagit"] = pd.read_csv(skagit)[["timestamp", "value"]]
else:
    print("no file for `skagit`: the sines only")

# COMMAND ----------

# MAGIC %md
# MAGIC ## The verdicts

# COMMAND ----------

import ad_stream

SETTINGS = {"lengthening sine": (18, 90), "flattened sine": (18, 99), "Skagit": (15, 80)}
HAPPENED = {
    "lengthening sine": [120, 121, 300, 301],
    "flattened sine": [*range(200, 260)],
    "Skagit": [*range(259, 268)],
}
RECORDED = {
    "lengthening sine": [120, 123, 124, 300, 301],
    "flattened sine": [261, 262, 263, 264, 265],
    "Skagit": [116, 259, 260, 261, 268, 269, 334, 335, 336],
}


def flags(frame, **how):
    return np.flatnonzero(ad_stream.detect(frame, device=None, **how)["is_anomaly"]).tolist()


answers = {}
for stream, frame in streams.items():
    points, sensitivity = SETTINGS[stream]
    answers[stream] = {
        "retired service": RECORDED[stream],
        "service": flags(frame, detector="service", granularity="daily", points=points, sensitivity=sensitivity),
        "default": flags(frame),
        "sr_cnn": flags(frame, detector="sr_cnn", points=points, min_points=points),
    }

# COMMAND ----------

# MAGIC %md
# MAGIC ## Side by side
# MAGIC `missed` are events without a flag: a pair of spikes, the flat stretch or the sensor's failure. A flag up to two days
# MAGIC after an event's end still belongs to it (the way back is a jump, too); `elsewhere` are the others. The flat line is
# MAGIC the case that the retired service could not see while it lasted; `sr_cnn` in as short a window finds its end on the same days.

# COMMAND ----------


def stretches(days: list[int]) -> list[tuple[int, int]]:
    """The runs of consecutive days: their first and last."""
    breaks = [at for at in days if at - 1 not in days]
    return [
        (first, max(at for at in days if at < following))
        for first, following in zip(breaks, [*breaks[1:], 366], strict=True)
    ]


rows = []
for stream, by_detector in answers.items():
    known = stretches(HAPPENED[stream])
    for detector, flagged in by_detector.items():
        hits = [[at for at in flagged if first <= at <= last + 2] for first, last in known]
        rows.append({
            "stream": stream, "detector": detector, "flagged": len(flagged), "first": ", ".join(str(hit[0]) for hit in hits if hit),
            "missed": sum(not hit for hit in hits), "elsewhere": len(flagged) - sum(map(len, hits)),
            "while_it_lasted": sum(first <= at <= last for at in flagged for first, last in known),
        })  # fmt: skip
comparison = pd.DataFrame(rows)
display(comparison)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Value, band and flags of `default`

# COMMAND ----------

from ad_stream.report import figure_of

for stream, frame in streams.items():
    display(figure_of(ad_stream.detect(frame, device=None), values=frame["value"], title=stream))

# COMMAND ----------

display(
    pd.concat(
        frame.assign(stream=stream, **{name: np.isin(day, at) for name, at in answers[stream].items()})
        for stream, frame in streams.items()
    )
)

# COMMAND ----------

# MAGIC %md
# MAGIC ## What to write into the configuration
# MAGIC `default`, or the alarms that you had (`docs/migration.md`).

# COMMAND ----------

print("detection:\n  detector: default       # service gives the alarms of the retired service\n  sensitivity: 95")
