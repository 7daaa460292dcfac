"""From single flags to what a person is told: which flags belong together. numpy and pandas only, no Spark."""
