"""What would the stream have flagged under another configuration? Stored windows judged again; nothing is written."""

from ad_stream.whatif.run import WhatIf, whatif

__all__ = ["WhatIf", "whatif"]
