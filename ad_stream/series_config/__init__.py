"""Settings of single series: rows of the table `series_config` to the detector and the limits of each series. No Spark."""
