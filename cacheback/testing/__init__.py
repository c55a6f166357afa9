"""Tools for testing what uses cacheback: a scripted provider, faulty parts, contract tests.

Nothing here needs pytest, but for the contract tests, which are imported by their module's name.
"""

from cacheback.testing.faulty import Faulty
from cacheback.testing.loopback import Call
from cacheback.testing.script import Answering, Reply, Script
from cacheback.testing.upstream import ScriptedUpstream

__all__ = ["Answering", "Call", "Faulty", "Reply", "Script", "ScriptedUpstream"]
