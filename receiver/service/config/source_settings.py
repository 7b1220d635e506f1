"""The settings of sources and routes: who calls, read by the provider's own model, and where events go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, Field, SerializeAsAny, ValidationError, WrapValidator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from receiver.providers.registry import providers
from receiver.providers.settings import FAULT, Section, SourceSettings
from receiver.publish.routing import MATCHABLE, Rule, splits_operations


def read_source(given: Any, general: Callable[[Any], SourceSettings]) -> SourceSettings:
    """Read a table of ``[[sources]]`` with its provider's model; the general one says what is wrong with another thing.

    Raises ``ValidationError`` with each fault at its key. Those that the provider has an opinion about (a key that it
    needs or does not know, and what it says itself) are of the type ``FAULT`` and have the source's name with them.
    """
    if not isinstance(given, dict) or not isinstance(given.get("provider"), str):
        keys = ("name", "provider")
        return general({key: given[key] for key in keys if key in given} if isinstance(given, dict) else given)
    slug, name = given["provider"], str(given.get("name", "no name"))
    provider = providers().get(slug)
    if provider is None:
        raise _errors(_error(FAULT, ("provider",), f"there is {', '.join(providers())}", {"name": name}))
    try:
        return provider.settings.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    raise _errors(*(_worded(fault, slug, name) for fault in found))


def _worded(fault: Any, slug: str, name: str) -> InitErrorDetails:
    place, kind, said = fault["loc"], fault["type"], fault["msg"]
    known_to_all = place[0] in SourceSettings.model_fields
    if kind == "missing" and not known_to_all and len(place) <= len(("poll", "key")) and isinstance(place[-1], str):
        return _error(FAULT, place, f"required for {slug}", {"name": name})
    if kind == "extra_forbidden" and _means_something(place):
        return _error(FAULT, place, f"means nothing to {slug}", {"name": name})
    return _error(kind, place, said, {**fault.get("ctx", {}), "name": name})


def _means_something(place: tuple[int | str, ...]) -> bool:
    """Whether it is a key of any provider: then it is in the wrong place, else it is a slip of the pen."""
    for provider in providers().values():
        fields = provider.settings.model_fields
        if place[0] == "poll" and len(place) > 1 and "poll" in fields:
            fields = getattr(model_of(fields["poll"].annotation), "model_fields", {})
            if place[1] in fields:
                return True
        elif len(place) == 1 and place[0] in fields:
            return True
    return False


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation that is one, a list of it, or it or None; None where there is none."""
    options = [annotation, *getattr(annotation, "__args__", ())]
    return next((option for option in options if isinstance(option, type) and issubclass(option, BaseModel)), None)


def _error(kind: str, place: tuple[int | str, ...], said: str, context: dict[str, Any]) -> InitErrorDetails:
    return {"type": PydanticCustomError(kind, "{said}", {**context, "said": said}), "loc": place, "input": None}


def _errors(*errors: InitErrorDetails) -> ValidationError:
    return ValidationError.from_exception_data("source", list(errors), hide_input=True)


AnySource = Annotated[SerializeAsAny[SourceSettings], WrapValidator(read_source)]
"""A source in its provider's model; written whole, so that a child process reads what its supervisor read."""


class RouteSettings(Section):
    """Where events go that match; the first match wins."""

    match: Annotated[dict[str, str], Field(min_length=1, description="provider, source, account, family, kind, status")]
    topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$", description="taken as written, without the prefix")]
    also: Annotated[bool, Field(description="a copy in the same transaction; the default stays")] = False

    @model_validator(mode="after")
    def _sound(self) -> RouteSettings:
        unknown = sorted(set(self.match) - MATCHABLE)
        if unknown:
            raise ValueError(f"match knows {', '.join(sorted(MATCHABLE))}, not {', '.join(unknown)}")
        if splits_operations(self.rule):
            raise ValueError(
                "a route by status would split an operation over topics and break its order: set also = true"
            )
        return self

    @property
    def rule(self) -> Rule:
        """As the relay uses it."""
        return Rule(self.match, self.topic, self.also)
