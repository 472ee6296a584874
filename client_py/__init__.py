"""a client for programs: edit a pad as a peer"""

from client_py.client import PadClient, Refused

__all__ = ["PadClient", "Refused"]
