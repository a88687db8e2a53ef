"""The caller's word on publishing: "do not publish this", said or pressed, is kept at once.

It means the whole call, and nothing said later takes it back.
"""

from __future__ import annotations

from collections.abc import Callable

from agentvoice.core.call import Call
from agentvoice.core.leg import CallerText, DoNotPublishPressed, LegEvent, PublishingChanged
from agentvoice.core.ports import CallerLeg
from agentvoice.core.project import Project, public_address
from agentvoice.core.spoken_commands import asks_not_to_publish
from agentvoice.services.call_record import CallRecord

NOTICE_NOT_PUBLISHED = "This call will not be published."


class PublishingWish:
    """Listens to every finished text of the caller, on every engine; `notice` tells the caller."""

    def __init__(
        self,
        call: Call,
        project: Project,
        leg: CallerLeg,
        record: CallRecord,
        notice: Callable[[str], None],
    ) -> None:
        self._call = call
        self._project = project
        self._leg = leg
        self._record = record
        self._notice = notice
        self._is_refused = call.do_not_publish

    def show(self) -> None:
        """Tell the caller what will be published where; a token in a relay's address is not theirs to know."""
        relays = tuple(map(public_address, self._call.relays))
        self._leg.show(PublishingChanged(self._call.policy.value, relays, refused=self._is_refused))

    def heard(self, text: str) -> None:
        """Take in what the caller said."""
        if asks_not_to_publish(text):
            self.refuse()

    def late(self, event: LegEvent) -> None:
        """Take in what the caller does while the call closes: nothing else counts any more."""
        if isinstance(event, DoNotPublishPressed):
            self.refuse()
        elif isinstance(event, CallerText):
            self.heard(event.text)

    def refuse(self) -> None:
        """The whole call stays off Nostr, and the caller is told."""
        if self._is_refused:
            return
        self._is_refused = True
        self._record.do_not_publish()
        self._notice(NOTICE_NOT_PUBLISHED)
        self.show()
