"""What Java says when a stream stops, as a sentence with the way out."""

from __future__ import annotations

import pytest

from ad_stream.pipeline.operation.failure import lies_in_the_data, stopped

PAGE = "[STREAM_FAILED] Query [id = a] terminated with exception: {}\n\tat org.apache.spark.Some(Some.scala:1)\n"


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        (
            "java.io.IOException: No space left on device",
            r"the disk .* is full \(No space left on device\): make room, then start",
        ),
        (
            "com.microsoft.azure.eventhubs.ReceiverDisconnectedException: New receiver",
            "another reader .* a consumer_group",
        ),
        (
            "org.apache.kafka.common.errors.TimeoutException: Timeout of 60000ms expired",
            "the hub or broker does not answer",
        ),
        (
            "com.microsoft.azure.eventhubs.AuthorizationFailedException: Unauthorized access.",
            "no longer lets this stream in .*: check key",
        ),
        ("io.delta.exceptions.MetadataChangedException: changed", "somebody else changed a table while it was written"),
        (
            "java.lang.RuntimeException: file:/my tables/history/hour=2026-11-01 22%3A00/part-0.parquet is not a Parquet file. Expected",
            r"damaged or gone \(file:/my tables/history/hour=2026-11-01 22%3A00/part-0.parquet is not",
        ),
        (
            "java.io.FileNotFoundException: File file:/my tables/late/_delta_log/00.json does not exist",
            r"the log of a table is damaged \(file:/my tables/late/_delta_log/00.json does not exist\)",
        ),
        (
            "java.io.FileNotFoundException: File file:/my job/checkpoint/state/0/1/2.delta does not exist",
            r"the checkpoint is damaged \(file:/my job/checkpoint/state/0/1/2.delta does not exist\)",
        ),
        ("java.lang.IllegalStateException: odd", "odd"),
    ],
)
def test_a_known_cause_is_told_with_the_way_out_and_an_unknown_one_in_its_own_words(cause: str, sentence: str) -> None:
    error = stopped(PAGE.format(cause))
    assert error.exit_code == 1
    assert "\n" not in str(error)
    with pytest.raises(type(error), match=sentence):
        raise error


DATA = [
    "org.apache.spark.SparkUpgradeException: [INCONSISTENT_BEHAVIOR_CROSS_VERSION.WRITE_ANCIENT_DATETIME] You may get a different result",
    "org.apache.spark.SparkArithmeticException: [ARITHMETIC_OVERFLOW] long overflow",
    "org.apache.spark.SparkNumberFormatException: [CAST_INVALID_INPUT] The value 'x' of the type STRING",
    "PythonException: Traceback ... OverflowError: cannot convert float infinity to integer",
    "[DELTA_NOT_NULL_CONSTRAINT_VIOLATED] NOT NULL constraint violated for column: minute",
]
PASSING = [
    "java.io.IOException: No space left on device",
    "java.lang.OutOfMemoryError: Java heap space",
    "org.apache.spark.SparkException: Python worker exited unexpectedly (crashed) ... ValueError: read of closed file",
    "io.delta.exceptions.ConcurrentAppendException: Files were added by a concurrent update",
    "java.net.ConnectException: Connection refused; NumberFormatException",
    "com.azure.storage.StorageException: 403 Forbidden, ValueError",
    "org.apache.spark.SparkException: Job 3 cancelled because SparkContext was shut down",
    "ExecutorLostFailure (executor 1 exited caused by one of the running tasks) DateTimeException",
    "java.lang.IllegalStateException: nobody knows",
]


@pytest.mark.parametrize("cause", DATA)
def test_values_that_cannot_be_converted_or_stored_are_blamed_on_the_data(cause: str) -> None:
    assert lies_in_the_data(RuntimeError(PAGE.format(cause)))


@pytest.mark.parametrize("cause", PASSING)
def test_trouble_of_machines_and_stores_is_never_blamed_on_the_data(cause: str) -> None:
    assert not lies_in_the_data(RuntimeError(PAGE.format(cause)))


def test_errors_of_the_operating_system_and_our_own_are_never_blamed_on_the_data() -> None:
    assert lies_in_the_data(ValueError("year 10000 is out of range"))
    assert not any(map(lies_in_the_data, (OSError("ValueError"), MemoryError("ValueError"), stopped("ValueError: x"))))
