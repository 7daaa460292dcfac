"""From a configuration on this machine to a run on Databricks: what fits (plan), what is sent (workspace), what came back."""
