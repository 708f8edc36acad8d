"""`View` to read, `Unit` to write: the tables' verbs in one transaction."""

from __future__ import annotations

from typing_extensions import override

from turnout.store.audit import Audit, AuditView
from turnout.store.counts import Counts, CountsView
from turnout.store.deliveries import Deliveries, DeliveriesView
from turnout.store.entities import Entities, EntitiesView
from turnout.store.exchanges import Exchanges, ExchangesView
from turnout.store.history import History, HistoryView
from turnout.store.keys import Keys
from turnout.store.lanes import Lanes, LanesView
from turnout.store.lists import Lists, ListsView
from turnout.store.log import Log, LogView
from turnout.store.messages import Messages, MessagesView
from turnout.store.once import Once, OnceView
from turnout.store.owed import OwedTable, OwedView
from turnout.store.people import People, PeopleView
from turnout.store.privacy import Privacy, PrivacyView
from turnout.store.session import Counter, Session
from turnout.store.uses import Uses, UsesView
from turnout.store.vault import Vault
from turnout.workspace import Workspace


class View:
    """One consistent look at the workspace, the session's of today: it is not to be kept."""

    def __init__(self, session: Session) -> None:
        """Look through this session."""
        self.session = session
        self.vault: Vault = session.vault
        self._open(session)

    def _open(self, session: Session) -> None:
        self.log = LogView(session)
        self.history = HistoryView(session)
        self.messages = MessagesView(session)
        self.people = PeopleView(session)
        self.lanes = LanesView(session)
        self.deliveries = DeliveriesView(session)
        self.owed = OwedView(session)
        self.once = OnceView(session)
        self.lists = ListsView(session)
        self.counts = CountsView(session)
        self.exchanges = ExchangesView(session)
        self.entities = EntitiesView(session)
        self.privacy = PrivacyView(session)
        self.audit = AuditView(session)
        self.uses = UsesView(session)

    @property
    def now(self) -> int:
        """The time of the look, in microseconds."""
        return self.session.now

    @property
    def workspace(self) -> Workspace:
        """The configuration in force."""
        return self.entities.workspace()

    @property
    def counter(self) -> Counter:
        """The counter row as of this look."""
        return self.session.counter


class Unit(View):
    """One operation's writes: all of them or none. Everything a `View` reads, and what changes it."""

    log: Log
    history: History
    messages: Messages
    people: People
    lanes: Lanes
    deliveries: Deliveries
    owed: OwedTable
    once: Once
    lists: Lists
    counts: Counts
    exchanges: Exchanges
    entities: Entities
    privacy: Privacy
    audit: Audit
    uses: Uses

    keys: Keys

    @override
    def _open(self, session: Session) -> None:
        self.log = Log(session)
        self.history = History(session)
        self.messages = Messages(session)
        self.people = People(session)
        self.lanes = Lanes(session)
        self.deliveries = Deliveries(session)
        self.owed = OwedTable(session)
        self.once = Once(session)
        self.lists = Lists(session)
        self.counts = Counts(session)
        self.exchanges = Exchanges(session)
        self.entities = Entities(session)
        self.privacy = Privacy(session)
        self.audit = Audit(session)
        self.uses = Uses(session)
        self.keys = Keys(session)
