# Databricks notebook source
# MAGIC %md
# MAGIC # First detection
# MAGIC
# MAGIC The same verdicts through three doors: a pandas frame, a Spark frame, and a stream into Delta tables.
# MAGIC No cloud service is asked; `folder` is a place of your own, such as a Unity Catalog volume.

# COMMAND ----------

# MAGIC %pip install /Volumes/main/iot/ad_stream/ad_stream-0.1.0-py3-none-any.whl

# COMMAND ----------

dbutils.widgets.text("folder", "/Volumes/main/iot/ad_stream/first_detection")
folder = dbutils.widgets.get("folder")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Readings
# MAGIC Two devices, four hours, one reading a minute. The pump jumps once.

# COMMAND ----------

import numpy as np
import pandas as pd

minutes = pd.date_range("2026-11-01", periods=240, freq="min", tz="UTC")
noise = np.random.default_rng(7).normal(0, 0.3, (2, len(minutes)))
daily = 4 * np.sin(np.arange(len(minutes)) / 60)
readings = pd.concat(
    pd.DataFrame({"device": name, "timestamp": minutes, "value": level + daily + noise[row]})
    for row, (name, level) in enumerate({"pump": 40.0, "fan": 25.0}.items())
).reset_index(drop=True)
readings.loc[(readings["device"] == "pump") & (readings["timestamp"] == minutes[200]), "value"] += 6

# COMMAND ----------

# MAGIC %md
# MAGIC ## pandas in, pandas out
# MAGIC Every row is judged from its own past. `reason` says why, `expected` and the margins are the band.

# COMMAND ----------

import ad_stream

SHOWN = ["device", "timestamp", "expected", "upper_margin", "lower_margin", "severity", "reason"]
verdicts = ad_stream.detect(readings)
display(verdicts.loc[verdicts["is_anomaly"], SHOWN])

# COMMAND ----------

# MAGIC %md
# MAGIC ### Value, band and flags
# MAGIC The band is what each minute was expected to be from the minutes before it; a triangle is a flag.

# COMMAND ----------

from ad_stream.report import figure_of

for name, one in verdicts.groupby("device"):
    display(figure_of(one, values=readings["value"], title=name))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Spark in, Spark out
# MAGIC The rows are those of the stream: `device_id`, `signal`, `minute` and the verdict.

# COMMAND ----------

import ad_stream.pipeline

spark_verdicts = ad_stream.pipeline.detect(spark.createDataFrame(readings))
display(spark_verdicts.where("is_anomaly").select("device_id", "minute", "value", "expected", "severity", "reason"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## The stream
# MAGIC Five simulated devices with known faults go through the job that runs in production, in one go (`available_now`).
# MAGIC With `tables: {catalog: ..., schema: ...}` the tables are named tables of Unity Catalog.

# COMMAND ----------

from pathlib import Path

from ad_stream.config import parse
from ad_stream.pipeline.run import run
from ad_stream.pipeline.store.delta import DeltaTables
from ad_stream.simulate import simulate

simulate(Path(folder, "in"), devices=5, minutes=240, seed=7)
config = parse({
    "source": {"kind": "files", "path": f"{folder}/in"},
    "telemetry": {"event_time": "time"},
    "tables": {"path": f"{folder}/tables"},
    "checkpoint": f"{folder}/checkpoint",
    "trigger": "available_now",
})  # fmt: skip
print(run(config, spark=spark).sentence())

# COMMAND ----------

# MAGIC %md
# MAGIC ## What the tables say

# COMMAND ----------

tables = DeltaTables(spark, config.tables)
detections = tables.read("detections")
display(detections.groupBy("status", "reason").count().orderBy("status", "reason"))

# COMMAND ----------

flagged = detections.where("is_anomaly").select(
    "device_id", "signal", "minute", "value", "expected", "severity", "continuing"
)
display(flagged.orderBy("minute", "device_id", "signal"))

# COMMAND ----------

display(tables.read("quarantine").groupBy("reason").count().orderBy("reason"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## What to write into a configuration of your own
# MAGIC The same run, kept as a file: exchange the source for yours (`docs/sources.md`), then
# MAGIC `ad-stream validate first.yaml` and `ad-stream submit first.yaml`.

# COMMAND ----------

import yaml

kept = config.model_dump(mode="json", by_alias=True, exclude_unset=True)
print(yaml.safe_dump(kept | {"detection": {"detector": "default", "sensitivity": 95}}, sort_keys=False))
