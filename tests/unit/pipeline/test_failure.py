"""What Java says when a stream stops, as a sentence with the way out."""

from __future__ import annotations

import pytest

from ad_stream.pipeline.operation.failure import stopped

PAGE = "[STREAM_FAILED] Query [id = a] terminated with exception: {}\n\tat org.apache.spark.Some(Some.scala:1)\n"


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        ("java.io.IOException: No space left on device", r"the disk .* is full \(No space left on device\): make room, then start"),
        ("com.microsoft.azure.eventhubs.ReceiverDisconnectedException: New receiver", "another reader .* a consumer_group"),
        ("org.apache.kafka.common.errors.TimeoutException: Timeout of 60000ms expired", "the hub or broker does not answer"),
        ("com.microsoft.azure.eventhubs.AuthorizationFailedException: Unauthorized access.", "no longer lets this stream in .*: check key"),
        ("io.delta.exceptions.MetadataChangedException: changed", "somebody else changed a table while it was written"),
        ("java.lang.IllegalStateException: odd", "odd"),
    ],
)
def test_a_known_cause_is_told_with_the_way_out_and_an_unknown_one_in_its_own_words(cause: str, sentence: str) -> None:
    error = stopped(PAGE.format(cause))
    assert error.exit_code == 1
    assert "\n" not in str(error)
    with pytest.raises(type(error), match=sentence):
        raise error
