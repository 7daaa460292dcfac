# Databricks notebook source
# MAGIC %md
# MAGIC # Results and quality
# MAGIC
# MAGIC What the tables of a stream hold, from the fleet down to one verdict, and how good the verdicts were. Name
# MAGIC `catalog` and `schema`, or the `path` of tables in folders.

# COMMAND ----------

# MAGIC %pip install /Volumes/main/iot/ad_stream/ad_stream-0.1.0-py3-none-any.whl

# COMMAND ----------

for name, default in {"catalog": "main", "schema": "iot", "path": "", "known_events": ""}.items():
    dbutils.widgets.text(name, default)
catalog, schema, path, known_events = (
    dbutils.widgets.get(name) for name in ("catalog", "schema", "path", "known_events")
)

# COMMAND ----------

# MAGIC %md
# MAGIC The views of a schema are made by the stream; over folders they are made here, for this session.

# COMMAND ----------

from ad_stream.config import Tables
from ad_stream.tables import names, views

tables = Tables(path=path) if path else Tables(catalog=catalog, schema=schema)
if path:
    for statement in views.statements(tables, replace=True):
        spark.sql(statement)


def view(name):
    return spark.table(name if path else names.name(tables, name))


# COMMAND ----------

# MAGIC %md
# MAGIC ## The fleet now
# MAGIC `minutes_behind` is how far a series lies behind the newest minute of all; `silent` is 1 after ten of them.

# COMMAND ----------

from pyspark.sql import functions as F

display(view("series_now").orderBy(F.desc("events_last_day"), F.desc("minutes_behind"), "series").limit(100))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Events, newest first
# MAGIC One row per event: flags of a series that follow each other, with the value that lay furthest out and the reason.

# COMMAND ----------

events = view("anomaly_events")
display(events.orderBy(F.desc("began"), "series").limit(100))

# COMMAND ----------

# MAGIC %md
# MAGIC ## One series
# MAGIC The series with the most events, over its last day: value, expected band and flags, then the rows.

# COMMAND ----------

worst = view("series_now").orderBy(F.desc("events_last_day"), "series").first()["series"]
drawn = view("series_minutes").where(F.col("series") == worst)
newest = drawn.agg(F.max("minute")).first()[0]
last_day = drawn.where(F.col("minute") > F.lit(newest) - F.expr("INTERVAL 1 DAY")).orderBy("minute")
rows = last_day.toPandas()

# COMMAND ----------

from ad_stream.report import figure_of

bounds = {
    "upper_margin": rows["upper_bound"] - rows["expected"],
    "lower_margin": rows["expected"] - rows["lower_bound"],
    "is_anomaly": rows["anomaly"] == 1,
    "is_positive": rows["side"] == "above",
}
display(figure_of(rows.assign(minute=rows["minute"].dt.tz_localize("UTC"), **bounds), title=worst))

# COMMAND ----------

display(last_day)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Why minutes were not flagged, or not judged

# COMMAND ----------

display(view("series_minutes").groupBy("status", "reason", "meaning").count().orderBy(F.desc("count")))

# COMMAND ----------

# MAGIC %md
# MAGIC ## The stream itself

# COMMAND ----------

display(view("pipeline_hours").orderBy("hour"))
display(view("quarantine_hours").orderBy("hour", "reason"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Quality, where events are known
# MAGIC `known_events` is a CSV with `device_id`, `signal`, `began` and `ended` (UTC). An event counts as found if one of the
# MAGIC stream's overlaps it, up to three minutes after its end; what overlaps no known event is a false alarm.

# COMMAND ----------

if known_events:
    known = spark.read.csv(known_events, header=True, inferSchema=True).alias("k")
    same = F.expr(
        "k.device_id = e.device_id AND k.signal = e.signal AND e.began <= k.ended + INTERVAL 3 MINUTES AND e.ended >= k.began"
    )
    found = known.join(events.alias("e"), same, "left_semi").count()
    false = events.alias("e").join(known, same, "left_anti").count()
    hours = view("series_hours").agg(F.sum("minutes")).first()[0] / 60
    quality = spark.createDataFrame(
        [(known.count(), found, false, 24 * false / hours)],
        "known_events long, found long, false_alarms long, false_alarms_per_series_and_day double",
    )
    display(quality)

# COMMAND ----------

# MAGIC %md
# MAGIC ## What to write into the configuration
# MAGIC So severe must a flag be to open an incident by itself, if about `wanted` a day are to be looked at; three windows out of
# MAGIC the band among five open one whatever their severity (`docs/incidents.md`).

# COMMAND ----------

wanted = 10
severities = events.select("severity").where("severity IS NOT NULL").orderBy(F.desc("severity")).toPandas()["severity"]
days = max(1.0, view("series_hours").select("hour").distinct().count() / 24)
least = float(severities.iloc[min(len(severities) - 1, round(wanted * days))]) if len(severities) else 0.36
print(f"incidents:\n  enabled: true\n  open: {{severity: {max(0.25, least):.2f}}}")
