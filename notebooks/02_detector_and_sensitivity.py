# Databricks notebook source
# MAGIC %md
# MAGIC # A detector and a sensitivity
# MAGIC
# MAGIC Give `labelled` a CSV or Parquet file of yours with the columns `device`, `timestamp`, `value` and `label` (1 where
# MAGIC something happened); without one a day of eight simulated devices is taken. A week of a dozen devices says more than
# MAGIC a year of one.

# COMMAND ----------

# MAGIC %pip install /Volumes/main/iot/ad_stream/ad_stream-0.1.0-py3-none-any.whl

# COMMAND ----------

dbutils.widgets.text("labelled", "")
dbutils.widgets.text("folder", "/Volumes/main/iot/ad_stream")
labelled, folder = dbutils.widgets.get("labelled"), dbutils.widgets.get("folder")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Without a file: eight devices, six events each
# MAGIC Spikes, dips and steps of 4 to 12 standard deviations of the device's noise.

# COMMAND ----------

from pathlib import Path

import numpy as np
import pandas as pd

if not labelled:
    rng = np.random.default_rng(11)
    minutes = pd.date_range("2026-11-01", periods=1440, freq="min", tz="UTC")
    values = 40 + 5 * np.sin(2 * np.pi * np.arange(1440) / 1440) + rng.normal(0, 0.5, (8, 1440))
    labels = np.zeros(values.shape, dtype=int)
    for row in range(8):
        for start in 200 + 200 * np.arange(6) + rng.integers(0, 100, 6):
            stop = start + rng.choice([1, 3, 10])
            values[row, start:stop] += rng.choice([-1, 1]) * rng.uniform(4, 12) * 0.5
            labels[row, start:stop] = 1
    frames = [
        pd.DataFrame({"device": f"device-{row}", "timestamp": minutes, "value": values[row], "label": labels[row]})
        for row in range(8)
    ]
    labelled = str(Path(folder, "labelled.csv"))
    pd.concat(frames).to_csv(labelled, index=False)

# COMMAND ----------

# MAGIC %md
# MAGIC ## The detectors side by side
# MAGIC Read F1 beside `random_f1`, which is what random scores reach on the same file. What an operator feels is further
# MAGIC right: the share of events found at so many false alarms per series and day.

# COMMAND ----------

from dataclasses import asdict

from ad_stream.evaluation.compare import compare

detectors = pd.DataFrame([asdict(one) for one in compare(labelled)])
display(detectors.round(3))

# COMMAND ----------

# MAGIC %md
# MAGIC ## The sensitivity
# MAGIC `alarms` is how often an operator would be called per series and day; decide what may be asked of him, and take the
# MAGIC highest sensitivity below it.

# COMMAND ----------

from ad_stream.evaluation.sensitivity import sweep

best = detectors.sort_values("f1", ascending=False)["detector"].iloc[0]
sensitivities = pd.DataFrame([asdict(one) for one in sweep(labelled, detector=best)])
display(sensitivities.round(3))

# COMMAND ----------

# MAGIC %md
# MAGIC ## How that looks
# MAGIC The device with the most labelled rows, judged as chosen: value, expected band, flags.

# COMMAND ----------

import ad_stream
from ad_stream.report import figure_of

affordable = sensitivities[sensitivities["alarms"] <= 10]
chosen = int((affordable if len(affordable) else sensitivities.iloc[:1])["sensitivity"].max())
table = pd.read_parquet(labelled) if labelled.endswith(".parquet") else pd.read_csv(labelled)
shown = table.groupby("device")["label"].sum().idxmax()
series = table.loc[table["device"] == shown, ["timestamp", "value"]].assign(
    timestamp=lambda frame: pd.to_datetime(frame["timestamp"], utc=True)
)
judged = ad_stream.detect(series, device=None, detector=best, sensitivity=chosen)
display(figure_of(judged, values=series["value"], title=f"{shown}, {best}, {chosen}"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## What to write into the configuration

# COMMAND ----------

print(f"detection:\n  detector: {best}\n  sensitivity: {chosen}")
