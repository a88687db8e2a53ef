"""What the database says, read with plain SQL: it may not be believed through the code under test."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ledger:
    """A database file."""

    path: Path

    def rows(self, query: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(self.path, timeout=20)) as connection:
            return connection.execute(query, values).fetchall()

    def has_work(self) -> bool:
        """Whether any call is not published yet."""
        return bool(self.rows("SELECT 1 FROM call WHERE publication <> 'published' LIMIT 1"))

    def is_signing(self, owner: str) -> bool:
        """Whether a publisher holds the right to sign a thread that is not stored."""
        return bool(
            self.rows("SELECT 1 FROM call WHERE publication_locked_by = ? AND prepared_at = 0", owner)
        )

    def attempting(self, owner: str) -> set[str]:
        """The events of which a publisher has begun an attempt and recorded no outcome."""
        query = "SELECT event_id FROM delivery WHERE state = 'attempting' AND locked_by = ?"
        return {event_id for (event_id,) in self.rows(query, owner)}

    def prepared(self) -> int:
        """How many threads are stored."""
        return int(self.rows("SELECT count(*) FROM call WHERE prepared_at > 0")[0][0])

    def deliveries(self) -> list[tuple[str, str, int]]:
        """(event, state, attempts) of each delivery."""
        return self.rows("SELECT event_id, state, attempts FROM delivery")

    def events(self) -> dict[str, tuple[str, str]]:
        """The call and the JSON of each event, by its id."""
        found = self.rows("SELECT id, call_id, json FROM event")
        return {event_id: (call, text.decode()) for event_id, call, text in found}

    def publications(self) -> dict[str, str]:
        """Where each call's publication stands."""
        return dict(self.rows("SELECT id, publication FROM call"))
