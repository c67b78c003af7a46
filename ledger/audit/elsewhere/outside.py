"""What the ledger published outside its database: the newest checkpoint of each journal on `iuran.checkpoints`.

An audit that reads the database alone believes whoever restored it: a ledger set back as a whole is in itself honest.
So the topic is asked twice, around the freezing of the view: what stood there `before` must be contained in the
journals (L6), and what stands there `after` may not be older than what the view says was published. Between the two a
running stream may go on. What waits on the topics that feed the journals comes along (`unread`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from contracts.topics import CHECKPOINTS
from streams.checkpoints import BrokerUnavailable, Checkpoints

if TYPE_CHECKING:
    from ledger.audit.elsewhere.standing import Unread
    from streams.connection import Broker

ANSWER_SECONDS: Final = 15
"""For all journals together; without its topic a client would ask for a minute."""

Notes = Mapping[int, bytes | None]
"""The newest signed note by journal; None where there is none."""


class Outside(NamedTuple):
    """The newest published checkpoints, read before and after the view of the database was frozen; and what waits."""

    before: Notes
    after: Notes
    unread: tuple[Unread, ...] = ()
    """Records that the broker held before, and journals that do not move have not read."""


def newest(broker: Broker, topic_prefix: str, journals: int) -> Notes:
    """Give the newest note on the topic for each of the journals 0 to `journals` - 1. Raises BrokerUnavailable."""
    topic = topic_prefix + CHECKPOINTS
    return asyncio.run(_newest(Checkpoints(broker, topic), topic, journals))


async def _newest(checkpoints: Checkpoints, topic: str, journals: int) -> Notes:
    asked = asyncio.gather(*(checkpoints.newest(number) for number in range(journals)))
    try:
        notes = await asyncio.wait_for(asked, ANSWER_SECONDS)
    except TimeoutError as error:
        raise BrokerUnavailable(f"{topic}: expected an answer within {ANSWER_SECONDS} s, got none") from error
    return dict(enumerate(notes))
