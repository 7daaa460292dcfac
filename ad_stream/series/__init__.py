"""What applies to a series and what it is judged to be: rules of `series_config`, rows to verdicts. No Spark."""
