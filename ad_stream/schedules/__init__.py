"""What runs without a person: `planned` says when, `job` and `scheduler` see to it once, `run_log` keeps what became of it."""
