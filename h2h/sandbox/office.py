"""The bank's office as an operator reaches it: over HTTP, from this process or from another.

Behind it runs mock-bank. A day ends when somebody says so: then what is due is booked, and each
open account gets its statement.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from h2h.errors import ConfigError, Refused, Transient

STATE = "sandbox.json"  # in the bank's folder: where another process finds the office
_TIMEOUT = 600.0  # seconds; mock-bank takes half a millisecond a payment, and a day books them all


@dataclass(frozen=True, slots=True)
class BankAccount:
    """An account the practice bank holds. `balance` is in minor units."""

    id: str
    name: str
    iban: str
    bic: str
    currency: str
    balance: int
    behaviour: str
    closed: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What the bank made of a payment file; `message_id` is "" when it could not read one."""

    message_id: str
    status: str  # ACCP | PART | RJCT
    reason: str  # DUPL, FF01, … for a file refused as a whole, else ""
    accepted: int
    rejected: int

    def __str__(self) -> str:
        words = [self.status, self.reason, f"{self.accepted} accepted", f"{self.rejected} rejected"]
        return " ".join(word for word in words if word)


class Office:
    """A running mock-bank at `url`. Methods raise Transient when it does not answer."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._address = urlsplit(url).netloc

    def today(self) -> date:
        """The bank's own date: payments due on it or before are booked as they arrive."""
        return date.fromisoformat(self._clock()["date"])

    def end_of_day(self, days: int = 1) -> tuple[date, ...]:
        """End so many business days, one after the other, and return them.

        A weekend or a bank holiday on the way is passed over. Afterwards it is the morning after
        the last of them.
        """
        return tuple(self._end_business_day() for _ in range(days))

    def accounts(self) -> tuple[BankAccount, ...]:
        """Every account the bank holds, the customer's and others'."""
        return tuple(_account(fields) for fields in self._call("GET", "/_mock/accounts"))

    def set_account(
        self,
        account: str,
        *,
        closed: bool | None = None,
        behaviour: str | None = None,
        balance: int | None = None,
        parameters: Mapping[str, object] | None = None,
    ) -> BankAccount:
        """Change an account by its id; raises Refused for an unknown account or behaviour.

        `behaviour` is one of mock-bank's: accept, closed-account, insufficient-funds, bad-bank-id,
        return-later, reject-file, silent, statement-gap. `balance` is in minor units,
        `parameters` are those of return-later, such as {"days": 1}.
        """
        given = {
            "closed": closed,
            "behaviour": behaviour,
            "balance": balance,
            "parameters": parameters,
        }
        changes = {field: value for field, value in given.items() if value is not None}
        return _account(self._call("PATCH", f"/_mock/accounts/{quote(account, safe='')}", changes))

    def set_holidays(self, days: list[date]) -> None:
        """Weekdays on which the bank does not settle."""
        self._call("PUT", "/_mock/holidays", [day.isoformat() for day in days])

    def read_drop(self) -> tuple[Decision, ...]:
        """Have the bank read its drop folder now; its answers are in the pick-up folder then."""
        return tuple(
            Decision(
                message_id=file["msgId"],
                status=file["status"],
                reason=file["reason"],
                accepted=file["accepted"],
                rejected=file["rejected"],
            )
            for file in self._call("POST", "/_mock/drop/scan")["files"]
        )

    def _end_business_day(self) -> date:
        clock = self._clock()
        today = date.fromisoformat(clock["date"])
        if not clock["isBusinessDay"]:
            today = date.fromisoformat(clock["nextBusinessDay"])
            self._call("POST", f"/_mock/advance?to={today}")
        self._call("POST", f"/_mock/advance?to={today + timedelta(days=1)}")
        return today

    def _clock(self) -> dict[str, Any]:
        clock: dict[str, Any] = self._call("GET", "/_mock/state")["clock"]
        return clock

    # Any: whatever JSON the other program answers; each caller picks out what it needs
    def _call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        connection = http.client.HTTPConnection(self._address, timeout=_TIMEOUT)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Transient(
                f"no practice bank answers at {self.url}: {error}", "Start it with: h2h sandbox"
            ) from error
        finally:
            connection.close()
        if response.status >= http.client.BAD_REQUEST:
            raise Refused(f"the practice bank refused {method} {path}: {answer['error']}")
        return answer


def running_office(folder: Path) -> Office:
    """The office of the practice bank that runs in `folder`, maybe in another process.

    Raises ConfigError when none ever ran there; a bank that was stopped does not answer.
    """
    try:
        state = json.loads((folder / STATE).read_text())
    except FileNotFoundError as error:
        raise ConfigError(
            f"there is no practice bank in {folder}", "Name the --folder of a running `h2h sandbox`"
        ) from error
    return Office(state["office"])


def _account(fields: dict[str, Any]) -> BankAccount:
    return BankAccount(**{field: fields[field] for field in BankAccount.__slots__})
