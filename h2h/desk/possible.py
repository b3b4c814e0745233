"""What may be done with a file as it stands. Whether this person may, his role says."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from h2h.core.operators import Act
from h2h.core.states import AT_THE_BANK, BEFORE_DELIVERING, In, Out, State
from h2h.ports import File

_CAN_BE_RECALLED = AT_THE_BANK - {Out.REJECTED, Out.CANCELLED_BY_BANK}
_POSSIBLE: Mapping[State, tuple[Act, ...]] = MappingProxyType(
    {
        **dict.fromkeys(BEFORE_DELIVERING, (Act.HOLD, Act.CANCEL)),
        Out.CLAIMING: (),
        Out.AWAITING_APPROVAL: (Act.APPROVE, Act.REJECT, Act.HOLD),
        Out.HELD: (Act.RELEASE, Act.REJECT),
        Out.IN_DOUBT: (Act.RESOLVE,),
        **dict.fromkeys(_CAN_BE_RECALLED, (Act.RECALL,)),
        In.QUARANTINED: (Act.REPLAY,),
        In.DONE: (Act.REPLAY,),
    }
)


def possible(file: File) -> tuple[Act, ...]:
    """The acts that the state of the file permits, the likeliest first."""
    acts = _POSSIBLE.get(file.state, ())
    return tuple(act for act in acts if not (file.recall and act is Act.RECALL))
