"""What the tables hold, where they lie, how they are read. No Spark: the stream, the pages and the commands share it."""
