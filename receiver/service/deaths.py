"""What a supervisor learns from the death of a process that interprets."""

from __future__ import annotations

from receiver.interpret.poison import Suspects, after_death, from_document, points_at_the_batch, to_document
from receiver.journal.handle import Journal
from receiver.model.errors import StoreFailed
from receiver.model.log import Log


def note_death(journal: Journal, code: int, log: Log) -> None:
    """Keep for its successor which callbacks it may have died of, so that those are taken one by one."""
    if not points_at_the_batch(code):
        return
    try:
        suspects = _learn(journal)
    except (StoreFailed, OSError) as error:  # a full disk: the next death teaches the same again
        log.error("serve.lesson_not_kept", why=str(error))
        return
    if suspects is None:
        return
    log.error(
        "serve.callback_suspected",
        one_by_one_to=suspects.one_by_one_to,
        deaths={str(number): deaths for number, deaths in suspects.deaths.items()},
    )


def _learn(journal: Journal) -> Suspects | None:
    # None where the death teaches nothing that is not known.
    marks = journal.marks()
    try:
        known = from_document(marks.lessons())
        suspects = after_death(known, *marks.read())
        if suspects == known:
            return None
        marks.keep_lessons(to_document(suspects))
        return suspects
    finally:
        marks.close()
