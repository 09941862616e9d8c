"""A composed configuration against the pydantic models: every disagreement becomes a Fault in plain words."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.schema import Settings, TaskSection
from sweeper.task import TaskConfig, built_in_tasks, task_entry

EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "none_required": "null",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a section of keys",
    "model_type": "a section of keys",
    "model_attributes_type": "a section of keys",
    "greater_than": "a number > {gt}",
    "greater_than_equal": "a number >= {ge}",
    "less_than": "a number < {lt}",
    "less_than_equal": "a number <= {le}",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "literal_error": "{expected}",
    "union_tag_invalid": "one of {expected_tags}",
}

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

Sources = Mapping[str, str]
"""Dotted key -> where its value came from: `override 'a.b=1'`, `data=esmm/csv`."""
Known = tuple[Settings, type[TaskConfig]]
"""The first half of a valid configuration, and the class of the other one."""


def validated(
    config: Mapping[str, Any], sources: Sources, known: Known | None = None
) -> tuple[Settings, TaskConfig]:
    """The two typed halves of a composed configuration. Raises UserError with all faults of both.

    `known`: what is known of the first half, where it has been validated before.
    """
    faults: list[Fault] = []
    settings, task_class = known or _first_half(config, sources, faults)
    task = None
    if task_class is not None:
        # a copy: a task's own validators may change what they are given, and points share sections
        sections = _copied({key: value for key, value in config.items() if key not in Settings.model_fields})
        task = _checked(task_class, sections, sources, faults)
    if faults or settings is None or task is None:
        raise UserError(faults)
    return settings, task


def _first_half(
    config: Mapping[str, Any], sources: Sources, faults: list[Fault]
) -> tuple[Settings | None, type[TaskConfig] | None]:
    own = {key: config[key] for key in Settings.model_fields if key in config}
    settings = _checked(Settings, own, sources, faults)
    return settings, _task_class(config.get("task"), faults)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def source_of(key: str, sources: Sources) -> str:
    """` (from ...)`: the source of the key, or of the nearest section around or below it; or nothing."""
    parts = key.split(".")
    prefixes = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    inner = (known for known in sources if known.startswith(f"{key}."))
    nearest = next((known for known in (*prefixes, *inner) if known in sources), None)
    return "" if nearest is None else f" (from {sources[nearest]})"


def _checked(model: type[M], config: Mapping[str, Any], sources: Sources, faults: list[Fault]) -> M | None:
    try:
        return model.model_validate(dict(config))
    except ValidationError as error:
        faults += faults_of(error, config, sources)
        return None


def _task_class(section: Any, faults: list[Fault]) -> type[TaskConfig] | None:
    try:
        task = TaskSection.model_validate(section)
    except ValidationError:
        return None  # Settings has reported it
    faults += list(_task_faults(task))
    if faults and any(fault.where.startswith("task.") for fault in faults):
        return None
    entry = task_entry(task)
    config_class = _loaded("task.config_target", entry.config, entry.config_class, faults)
    _loaded("task.prepare_target", entry.prepare, entry.prepare_function, faults)
    if task.report_target is not None:
        _loaded("task.report_target", task.report_target, entry.report_function, faults)
    return config_class


def _loaded(where: str, target: str, load: Callable[[], T], faults: list[Fault]) -> T | None:
    try:
        return load()
    except (ImportError, AttributeError, ValueError) as error:
        problem = f"got '{target}', which cannot be loaded: {error}; expected module:name"
        faults.append(Fault(where, problem, "Is the package installed, and the name public?"))
        return None


def _task_faults(task: TaskSection) -> Iterable[Fault]:
    if task.target is None and task.name not in built_in_tasks():
        problem = f"got '{task.name}'; there is no such task{did_you_mean(task.name, built_in_tasks())}"
        yield Fault("task.name", problem, "A task of your own needs task.target=module:Class.")
    for key in ("config_target", "prepare_target"):
        if task.target is not None and getattr(task, key) is None:
            yield Fault(
                f"task.{key}", "missing; a task with a target of its own needs it", "Write module:name."
            )


def faults_of(error: ValidationError, config: Mapping[str, Any], sources: Sources) -> list[Fault]:
    """One fault for each key that a model refuses, in the user's terms."""
    by_key: dict[str, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        by_key.setdefault(_where(details, config), []).append(details)
    return [_fault(key, details, config, sources) for key, details in by_key.items()]


def _where(details: ErrorDetails, config: Mapping[str, Any]) -> str:
    """The dotted key, without the names that pydantic adds for the branch of a union."""
    node: Any = config
    path: list[str] = []
    loc, last = details["loc"], len(details["loc"]) - 1
    is_missing = details["type"] == "missing"
    for index, part in enumerate(loc):
        if index < last and _is_branch(node, part, loc[index + 1], may_lack=is_missing and index + 1 == last):
            continue
        is_known = _has(node, part)
        if is_known or (index == last and is_missing):
            path.append(str(part))
            node = node[part] if is_known else None
    if details["type"] in ("union_tag_invalid", "union_tag_not_found"):
        path.append(str(details["ctx"]["discriminator"]).strip("'"))
    return ".".join(path) or "configuration"


def _is_branch(node: Any, part: int | str, following: int | str, *, may_lack: bool) -> bool:
    """Whether `part` is a branch's name, though the section may have a key that is called the same."""
    is_name = isinstance(node, Mapping) and node.get("name") == part
    return is_name and (may_lack or _has(node, following))


def _has(node: Any, part: int | str) -> bool:
    if isinstance(node, Mapping):
        return part in node
    return isinstance(node, Sequence) and isinstance(part, int) and part < len(node)


def _fault(key: str, errors: Sequence[ErrorDetails], config: Mapping[str, Any], sources: Sources) -> Fault:
    first, source = errors[0], source_of(key, sources)
    kinds = {details["type"] for details in errors}
    if "extra_forbidden" in kinds:
        return Fault(
            key, f"no such parameter{source}{_sibling(key, config)}", "Remove it, or correct its name."
        )
    if kinds & {"missing", "union_tag_not_found"}:
        return Fault(key, f"missing{source}", f"Give it a value: {key}=...")
    if kinds == {"value_error"}:
        return _of_section(key, _cause(first), sources)
    expected = " or ".join(dict.fromkeys(_expected(details) for details in errors))
    named = next((one for one in errors if one["type"] in ("literal_error", "union_tag_invalid")), None)
    hint = did_you_mean(str(_got(named)), _options(named)) if named is not None else ""
    return Fault(key, f"got {_text(_got(first))}{source}; expected {expected}{hint}")


def _of_section(key: str, cause: str, sources: Sources) -> Fault:
    """What a section refuses; its message may begin with the key in the section that is to blame."""
    inner, _, problem = cause.partition(": ")
    where, text = (inner, problem) if inner.startswith(f"{key}.") else (key, cause)
    named = [source for known, source in sources.items() if known.startswith(f"{where}.") and known in text]
    source = f" (from {', '.join(dict.fromkeys(named))})" if named else source_of(where, sources)
    return Fault(where, f"{text.rstrip('.')}{source}")


def _cause(details: ErrorDetails) -> str:
    return str(details.get("ctx", {}).get("error", details["msg"]))


def _expected(details: ErrorDetails) -> str:
    template = EXPECTED.get(details["type"])
    if template is None:
        return _cause(details)
    facts = {name: _number(value) for name, value in details.get("ctx", {}).items()}
    return template.format(**facts).replace("'", "")


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _options(details: ErrorDetails) -> list[str]:
    listed = details["ctx"].get("expected", details["ctx"].get("expected_tags", ""))
    return [part for part in str(listed).split("'") if part.strip(", ") not in ("", "or")]


def _got(details: ErrorDetails) -> Any:
    return details["ctx"]["tag"] if details["type"] == "union_tag_invalid" else details["input"]


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return repr(value)


def _sibling(key: str, config: Mapping[str, Any]) -> str:
    """A suggestion among the keys beside it."""
    *parents, last = key.split(".")
    node: Any = config
    for parent in parents:
        node = node[parent] if _has(node, parent) else {}
    return did_you_mean(last, [str(known) for known in node if known != last])
