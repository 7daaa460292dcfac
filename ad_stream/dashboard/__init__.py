"""A live page over the tables of a stream: reads Delta logs as they grow, needs no Spark."""
