"""What identifies an operation, and what its status word means."""

from __future__ import annotations

from receiver.model.operation import Facts, Kind, Step, key_part, operation_key


def test_keys_of_different_operations_never_collide() -> None:
    """The separator inside a part is encoded, and so is the sign that encodes it."""
    keys = {
        operation_key("p", "a", "k", "b:c"),
        operation_key("p", "a", "k:b", "c"),
        operation_key("p", "a:k", "b", "c"),
        operation_key("p", "a", "k", "b%3Ac"),
        operation_key("p", None, "k", "b:c"),
    }
    assert len(keys) == 5
    assert operation_key("p", "a", "k", "100%:x") == "p:a:k:100%25%3Ax"


def test_a_part_of_a_key_holds_no_separator() -> None:
    """So that a key ends with the part by which it is looked up."""
    assert key_part("a:b%3A") == "a%3Ab%253A"
    assert operation_key("p", None, "k", "a:b").endswith(f":{key_part('a:b')}")
    assert operation_key("p", None, "k", "o") == "p::k:o"


def test_the_step_of_facts_is_that_of_their_word() -> None:
    """By the table of their kind."""
    done = Step("completed", 2, terminal=True)
    kind = Kind("exchange", "exchange", {"Pending": Step("pending", 1), "Done": done})
    assert Facts(account=None, kind=kind, operation_id="o", provider_status="Done").step is done
