"""The multivariate contract's error codes, each with its status and text; written once, here.

Source: MicrosoftDocs/azure-docs, articles/ai-services/Anomaly-Detector/concepts/troubleshoot.md. Those of data have no status of
their own there: they end in the `errors` of a model or a result, or, where the answer is immediate, in a 400.
"""

from __future__ import annotations

from typing import Any

from ad_stream.azure_api.wire import RequestError

_FAULTS: dict[str, tuple[int, str]] = {
    "InvalidJsonFormat": (400, "Invalid JSON format."),
    "RequiredSource": (400, "The 'source' field is required in the request."),
    "RequiredStartTime": (400, "The 'startTime' field is required in the request."),
    "RequiredEndTime": (400, "The 'endTime' field is required in the request."),
    "InvalidTimestampFormat": (400, "Invalid timestamp format. The `{time}` format is not a valid format."),
    "InvalidSlidingWindow": (400, "The 'slidingWindow' field must be an integer between 28 and 2880."),
    "InvalidAlignMode": (400, "The 'alignMode' field must be one of the following: 'Inner' or 'Outer' ."),
    "InvalidFillNAMethod": (
        400,
        "The 'fillNAMethod' field must be one of the following: 'Previous', 'Subsequent', 'Linear', 'Zero', 'Fixed', "
        "'NotFill'. It cannot be 'NotFill' when 'alignMode' is 'Outer'.",
    ),
    "RequiredPaddingValue": (
        400,
        "The 'paddingValue' field is required in the request when 'fillNAMethod' is 'Fixed'.",
    ),
    "InvalidRequestParameterError": (400, ""),
    "TooManyModels": (400, "This subscription has reached the maximum number of models."),
    "TooManyRunningModels": (400, "This subscription has reached the maximum number of running models."),
    "TooManyRequests": (429, ""),
    "ModelNotExist": (404, "The model does not exist."),
    "ModelFailed": (400, "Model failed to be trained."),
    "ModelNotReady": (400, "The model is not ready yet."),
    "ResultNotExist": (404, "The result does not exist."),
    "InvalidBlobURL": (400, ""),
    "FileNotExist": (400, "File {file} does not exist."),
    "StorageReadError": (403, ""),
    "StorageWriteError": (403, ""),
    "InvalidFileSize": (413, "File {file} exceeds the file size limit ({most} bytes)."),
    "NoVariablesFound": (400, "No variables found. Check that your files are organized as per instruction."),
    "DuplicatedVariables": (400, "There are multiple variables with the same name."),
    "RedundantFile": (400, "File {file} is redundant."),
    "FileSizeTooLarge": (400, "The size of file {file} is too large."),
    "ReadingFileError": (400, "Errors occurred when reading {file}."),
    "FileColumnsNotExist": (400, "Columns timestamp or value in file {file} do not exist."),
    "VariableParseError": (400, "Variable {variable} parse {why} error."),
    "NumColumnsMismatch": (400, "Number of columns of merged data does not match the number of variables."),
    "TooManyData": (400, "Too many data points. Maximum number is {most} per variable."),
    "NoData": (400, "There is no effective data."),
    "DataExceedsLimit": (
        400,
        "The length of data whose timestamp is between `startTime` and `endTime` exceeds limit({most}).",
    ),
    "NotEnoughInput": (
        400,
        "Not enough data. The length of data is {length}, but the minimum length should be larger than sliding window, "
        "which is {window}.",
    ),
    "InsufficientHistoricalData": (400, "There is not enough historical data before this timestamp."),
    "UnexpectedError": (500, ""),
}


class ContractError(RequestError):
    """A refusal or failure of the contract: `code`, `message`, and the `status` of an immediate answer."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(code, message)
        self.status = status

    @property
    def told(self) -> dict[str, str]:
        """As an element of `errors`."""
        return {"code": self.code, "message": self.message}


def fault(code: str, detail: str = "", **fields: Any) -> ContractError:
    """The contract's text with its fields, then our own sentence with the way out."""
    status, text = _FAULTS[code]
    return ContractError(code, f"{text.format(**fields)} {detail}".strip(), status)
