"""Standing around something while it happens: where metrics and traces come in, of which the rooms know nothing.

What is watched is a small record that says what begins, and into which is filled, before the watch ends, what has
become of it. It holds names and counts; whoever watches must tell nobody a case's texts.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

_T = TypeVar("_T")
Watch = Callable[[_T], AbstractContextManager[object]]
_NOTHING = nullcontext()


def unwatched(_: object) -> AbstractContextManager[object]:
    """Watch nothing."""
    return _NOTHING
