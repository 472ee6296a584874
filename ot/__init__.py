"""deltapad's operational transformation core: pure, without I/O"""

from ot.client import Client, Desync, InFlight, Received
from ot.document import Commit, Document, Submission
from ot.errors import CODES, DeltapadError, OperationError, ProtocolError, UnavailableError
from ot.log import Entry, RevisionLog
from ot.operation import (
    Component,
    Operation,
    apply,
    caret_after,
    compose,
    compose_all,
    invert,
    split,
    transform,
    transform_position,
    validate,
)

__all__ = [
    "CODES",
    "Client",
    "Commit",
    "Component",
    "DeltapadError",
    "Desync",
    "Document",
    "Entry",
    "InFlight",
    "Operation",
    "OperationError",
    "ProtocolError",
    "Received",
    "RevisionLog",
    "Submission",
    "UnavailableError",
    "apply",
    "caret_after",
    "compose",
    "compose_all",
    "invert",
    "split",
    "transform",
    "transform_position",
    "validate",
]
