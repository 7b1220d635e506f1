"""``/rejects``: a sample of what failed verification, and for each why, and what would have matched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from receiver.console.answers import Ask, NoSuchPage, Page
from receiver.console.desk import Desk
from receiver.intake.explain import WHY
from receiver.model.errors import JournalError, ReceiverError
from receiver.model.masked_body import mask_body
from receiver.model.quarantine_record import public_headers
from receiver.model.records import Reject
from receiver.model.times import from_us
from receiver.operate.rejects import explain_reject, find_reject
from receiver.operate.rejects import rejects as newest
from receiver.providers.registry import body_fields, shown_headers

LOOKED_AT_MAX = 1000
"""As many as the sample has by default."""
PAGE = 50
BODY_SHOWN_MAX = 64 * 1024
VERDICTS = (
    (
        "a retired secret",
        (
            "It was refused because its secret was rotated: it is genuine, and signed with a secret that is live no "
            "more. Let the provider sign with the new one, or have both live until it does; the provider then sends it "
            "again, or reconcile asks for it."
        ),
    ),
    (
        "apart from the time it is genuine",
        "It was refused because of its time: it is genuine, and one of the two clocks is wrong, or it came too late.",
    ),
    (
        "it verifies with today's configuration",
        (
            "It would be taken today: what kept it out has been corrected since. The provider sends it again, or "
            "reconcile asks for it."
        ),
    ),
    (
        "it matches",
        (
            "It is genuine, and was refused because something is configured otherwise than the provider does it, or "
            "was changed on its way; what would have matched is said below."
        ),
    ),
    (
        "",
        (
            "It was not sent by the provider, as far as anybody can tell: nothing that is configured explains its "
            "signature. Nothing of it was believed, and no operation was changed by it."
        ),
    ),
)
"""What an explanation has → what happened, in words; the first that fits."""


def rejects(desk: Desk, ask: Ask) -> Page:
    """Counts by reason and source, and the newest."""
    try:
        kept = newest(desk.context, LOOKED_AT_MAX)
    except JournalError:  # there is no sample yet
        kept = []
    source, why, before = ask.text("source"), ask.text("why"), ask.number("before")
    chosen = [one for one in kept if source in {None, one.raw.source} and why in {None, one.why}]
    below = [one for one in chosen if before is None or one.number < before]
    groups = Counter((one.raw.source, one.why) for one in kept)
    values = {
        "groups": [
            {"source": name, "why": said, "means": WHY.get(said, ""), "count": count}
            for (name, said), count in groups.most_common()
        ],
        "rows": [_row(one) for one in below[:PAGE]],
        "older": below[PAGE - 1].number if len(below) > PAGE else None,
        "limit": LOOKED_AT_MAX if len(kept) == LOOKED_AT_MAX else None,
        "source": source,
        "why": why,
    }
    return Page("rejects.html", "Rejects", values, f"receiver rejects list{desk.option}")


def reject(desk: Desk, ask: Ask) -> Page:
    """One, explained: it is never accepted."""
    text = ask.path["number"]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NoSuchPage(f"{text} is no number of a refused callback")
    try:
        found = find_reject(desk.context, int(text))
    except ReceiverError as error:
        raise NoSuchPage(str(error)) from None
    card = desk.source(found.raw.source)
    retired = desk.retired(found.raw.source)
    lines = explain_reject(desk.context, found, public_url=card.public_url if card else None, retired=retired)
    body = mask_body(found.raw.body, body_fields())[:BODY_SHOWN_MAX]
    values = {
        "row": _row(found),
        "lines": lines,
        "verdict": verdict(lines),
        "headers": public_headers(found.raw.headers, shown_headers()),
        "body": body,
    }
    return Page(
        "reject.html", f"Reject {found.number}", values, f"receiver rejects explain{desk.option} {found.number}"
    )


def verdict(lines: Sequence[str]) -> str:
    """What happened, by what an explanation found out."""
    return next(said for part, said in VERDICTS if any(part in line for line in lines))


def _row(one: Reject) -> dict[str, object]:
    raw = one.raw
    return {
        "number": one.number,
        "received_at": from_us(raw.received_at_us),
        "source": raw.source,
        "why": one.why,
        "means": WHY.get(one.why, ""),
        "body_bytes": len(raw.body),
    }
