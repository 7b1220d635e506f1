"""Address → page."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from receiver.console.answers import Ask, GoTo, Page
from receiver.console.desk import Desk
from receiver.console.pages.callback import callback, record
from receiver.console.pages.callbacks import callbacks
from receiver.console.pages.configuration import configuration
from receiver.console.pages.operation import operation
from receiver.console.pages.overview import overview
from receiver.console.pages.quarantine import group, quarantine
from receiver.console.pages.reconcile import reconcile
from receiver.console.pages.rejects import reject, rejects
from receiver.console.pages.replay import replay
from receiver.console.pages.request import request
from receiver.console.pages.search import event, search
from receiver.console.pages.simulator import simulator
from receiver.console.pages.tail import live

PAGES: Mapping[str, Callable[[Desk, Ask], Page | GoTo]] = {
    "/": overview,
    "/search": search,
    "/event/{event_id}": event,
    "/operation/{key:path}": operation,
    "/callbacks": callbacks,
    "/callback/{id}": callback,
    "/record/{number}": record,
    "/live": live,
    "/quarantine": quarantine,
    "/quarantine/group": group,
    "/rejects": rejects,
    "/rejects/{number}": reject,
    "/replay": replay,
    "/reconcile": reconcile,
    "/request/{number}": request,
    "/simulator": simulator,
    "/config": configuration,
}
