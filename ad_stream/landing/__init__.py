"""A named source as files that a stream reads: ranges of time, each landed once, looked at once more for rows that came late."""
