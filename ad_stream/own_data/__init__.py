"""A person's own file: judged without Spark as the stream would (`judge`), and the report of it (`page`)."""
