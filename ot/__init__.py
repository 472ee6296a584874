"""deltapad's operational transformation core: pure, without I/O"""

from typing import Final

from ot import operation
from ot.client import Client, Desync, InFlight, Received
from ot.document import Commit, Document, Submission
from ot.errors import (
    CODES,
    DeltapadError,
    GoneError,
    OperationError,
    ProtocolError,
    UnavailableError,
)
from ot.history import History
from ot.log import Entry, RevisionLog
from ot.operation import (
    Component,
    Operation,
    apply,
    caret_after,
    compose,
    invert,
    split,
    transform,
    transform_position,
    validate,
)
from ot.runs import compose_all
from ot.text import Text

__all__ = [
    "CODES",
    "COMPILED",
    "Client",
    "Commit",
    "Component",
    "DeltapadError",
    "Desync",
    "Document",
    "Entry",
    "GoneError",
    "History",
    "InFlight",
    "Operation",
    "OperationError",
    "ProtocolError",
    "Received",
    "RevisionLog",
    "Submission",
    "Text",
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

# Whether this is the core as mypyc compiled it.
COMPILED: Final = not operation.__file__.endswith(".py")
