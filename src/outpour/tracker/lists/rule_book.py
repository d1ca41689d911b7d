"""The administrator's rules on disk: one file beside the state, written as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from outpour.base.errors import FormatError, ReadError, UsageError, reason
from outpour.base.files import write_atomically
from outpour.tracker.lists.admin_rule import KINDS, AdminRule, RuleKind

RULES_MAX = 10_000
"""Of each kind. Whoever has more keeps a list file, which is read as a whole."""
BYTES_MAX = 64 << 20

Rules = Mapping[RuleKind, Mapping[str, AdminRule]]


class RuleBook:
    """The rules in force, by kind and subject.

    The lists that the settings name are the operator's own, perhaps made by another program: they
    are followed and never written. What is changed by hand while the tracker runs is kept here.

    Args:
        path: The file, readable by its owner alone; None keeps the rules in memory, as the state
            is then.

    Raises:
        ReadError: It cannot be read. A tracker that forgot whom it bans would not be safe to start.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._rules: dict[RuleKind, dict[str, AdminRule]] = {kind: {} for kind in KINDS}
        for rule in _read(path) if path is not None else ():
            self._rules[rule.kind][rule.subject] = rule

    def of(self, kind: RuleKind) -> Mapping[str, AdminRule]:
        """The rules of a kind, by subject."""
        return self._rules[kind]

    def with_rule(self, rule: AdminRule) -> Rules:
        """All rules with one more, or another in its place.

        Raises:
            UsageError: There are too many.
        """
        some = {**self._rules[rule.kind], rule.subject: rule}
        if len(some) > RULES_MAX:
            raise UsageError(f"over {RULES_MAX} rules of a kind: keep them in a list file")
        return {**self._rules, rule.kind: some}

    def without(self, rule: AdminRule) -> Rules:
        """All rules but one."""
        some = {one: kept for one, kept in self._rules[rule.kind].items() if one != rule.subject}
        return {**self._rules, rule.kind: some}

    def write(self, rules: Rules) -> None:
        """Write rules down; this waits for the disk, and may run in a thread.

        Raises:
            WriteError: The file is as it was.
        """
        if self.path is not None:
            lines = [
                json.dumps(rule.record, ensure_ascii=False)
                for some in rules.values()
                for rule in some.values()
            ]
            raw = '{"rules": [\n' + ",\n".join(lines) + "\n]}\n"
            write_atomically(self.path, raw.encode("utf-8", "replace"), is_private=True)

    def take(self, rules: Rules) -> None:
        """Put in force what was written down."""
        self._rules = {kind: dict(some) for kind, some in rules.items()}


def book_path(state: Path | None) -> Path | None:
    """Where the rules of a tracker lie, by its state file."""
    return None if state is None else state.with_name(f"{state.name}.rules")


def _read(path: Path) -> list[AdminRule]:
    try:
        with path.open("rb") as stream:
            raw = stream.read(BYTES_MAX + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ReadError(f"`{path}`: {reason(error)}", hint="check who owns the file") from error
    try:
        if len(raw) > BYTES_MAX:
            raise ValueError
        return [AdminRule.of(record) for record in json.loads(raw)["rules"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FormatError(
            f"`{path}`: not the rules of an administrator",
            hint="mend it, or remove it and with it what was allowed, denied and banned by hand",
        ) from None
