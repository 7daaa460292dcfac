"""Several signals of a device judged together: what is odd in how they hang together, though each alone looks usual.

`train` makes a model of a stretch of rows, `judge_many` gives verdicts on later ones; `relation` and `score` say by which
rule. numpy and scipy only; a model is arrays, which `encode` and `decode` turn into bytes and back.
"""

from ad_stream.detectors.joint.blob import decode, encode
from ad_stream.detectors.joint.model import JointModel
from ad_stream.detectors.joint.state import JointState
from ad_stream.detectors.joint.training import train
from ad_stream.detectors.joint.verdict import JointVerdicts, judge_many, pass_over

__all__ = ["JointModel", "JointState", "JointVerdicts", "decode", "encode", "judge_many", "pass_over", "train"]
