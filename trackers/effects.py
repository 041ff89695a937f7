"""What an event does to people's records: one change for everybody it is counted for.

It depends on nothing but the event, the record and the rules, so that reading a piece of log again gives the same.
"""

import logging
from collections.abc import Iterable, Iterator

from domain.clock import SECOND
from domain.events import NOT_COUNTED, Conversion, Kind, Notice, Visit
from domain.person import conversion_kind
from targeting.people import Edit, impression
from targeting.record import NEVER
from targeting.record_editor import Editor
from trackers.audience_rules import AudienceRule, Event, RuleBook, Verdict
from trackers.counting import counters

_UNCOUNTED = int(NOT_COUNTED)
log = logging.getLogger(__name__)


class Effect:
    """A change of one record; called with an editor, perhaps more than once.

    Of the last call are ``verdicts``, by audience, which the members follow that stores list beside the records; and
    ``due``, when which audience is to be decided again without an event: memberships that begin again, and those that
    are over by then. Of a membership only the beginning notes its end. When that comes the end has often moved on, and
    is noted anew: so a person who comes every day is looked at once in a while, not once for each event. ``again``:
    that is what this change is.

    Where the person has several keys, the record is only what was learnt under one of them: then `decide` on the merge
    of all, and let each part follow, this one by `follow`, the others by `leave`.
    """

    def __init__(
        self,
        person: int,
        at_s: int,
        own: Edit | None = None,
        histories: Iterable[int] = (),
        rules: Iterable[AudienceRule] = (),
        again: bool = False,
    ) -> None:
        self.person, self.at_s, self._again = person, at_s, again
        self.verdicts: dict[int, Verdict] = {}
        self.due: list[tuple[int, int]] = []
        self._own, self._histories, self._rules = own, tuple(histories), tuple(rules)

    def __call__(self, editor: Editor) -> None:
        if self._own is not None:
            self._own(editor)
        if self._histories:
            editor.show(self.at_s, self._histories)
        self.decide(editor)
        self.follow(editor)

    @property
    def edit(self) -> Edit:
        """What it does to the record: where there is nothing to be decided, no more than its own, which may be compiled
        (`targeting.edits`).
        """
        return self if self._own is None or self._histories or self._rules else self._own

    @property
    def decides(self) -> bool:
        """Whether there are rules to be decided."""
        return bool(self._rules)

    def decide(self, editor: Editor) -> None:
        """What the rules say, by all that is known of the person."""
        for rule in self._rules:
            self.verdicts[rule.audience] = rule.decide(editor, self.at_s)

    def follow(self, editor: Editor) -> None:
        """Memberships as they were decided."""
        self.due.clear()
        for audience, verdict in self.verdicts.items():
            if verdict.until_s:
                self._join(audience, verdict, editor)
            else:
                editor.leave(audience)
            if verdict.again_s:
                self.due.append((verdict.again_s, audience))

    def leave(self, editor: Editor) -> None:
        """No memberships: they are told under the key of the event."""
        for audience in self.verdicts:
            editor.leave(audience)

    def _join(self, audience: int, verdict: Verdict, editor: Editor) -> None:
        begins = self._again or not editor.expiry_of(audience)
        try:
            editor.join(audience, verdict.until_s)
        except ValueError as error:
            log.warning("person %016x does not become a member of audience %d: %s", self.person, audience, error)
            self.verdicts[audience] = Verdict(0, verdict.again_s)
            return
        if begins and verdict.until_s < NEVER:
            self.due.append((verdict.until_s, audience))


def effects(event: Event, book: RuleBook) -> Iterator[Effect]:
    """Of an event as it is logged. Nothing of one that does not count, or of which nobody knows whose it is."""
    if event.marks & _UNCOUNTED:
        return
    at_s = event.received_ns // SECOND
    own: Edit | None
    match event:
        case Notice():
            if event.kind == Kind.IMPRESSION:
                for key in counters(event):
                    if key != event.person:
                        yield Effect(key, at_s, _shown(event, at_s, relates=False))
                own = _shown(event, at_s, relates=True)
            elif event.kind == Kind.CLICK:
                own = _clicked(event, at_s)
            else:
                return
        case Visit():
            own = _visited(event, at_s)
        case _:
            own = _converted(event, at_s, book)
    if event.person:
        wanted = book.wanted(event)
        rules = dict.fromkeys(rule for one in wanted for rule in one.rules)
        yield Effect(event.person, at_s, own, (one.scope for one in wanted if one.scope), rules)


def _shown(notice: Notice, at_s: int, *, relates: bool) -> Edit:
    return impression(at_s, notice.campaign, notice.line_item, notice.advertiser, notice.creative, relates=relates)


def _clicked(notice: Notice, at_s: int) -> Edit:
    return lambda editor: editor.click(notice.advertiser, at_s)


def _visited(visit: Visit, at_s: int) -> Edit:
    return lambda editor: editor.visit(visit.advertiser, at_s)


def _converted(conversion: Conversion, at_s: int, book: RuleBook) -> Edit:
    kind, stage = conversion_kind(conversion.advertiser, conversion.event), book.stage(conversion)

    def edit(editor: Editor) -> None:
        editor.convert(kind, at_s)
        if stage is not None:
            editor.reach(conversion.advertiser, stage, at_s)

    return edit
