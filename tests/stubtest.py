"""Runs mypy's stubtest on the core, whose description has parts that the module itself has not.

At run time `outpour._core` is one module. Each file of its description is shown a module with the
names that it describes; else stubtest would miss the parts, and look at none of their classes.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType

from mypy import stubtest

import outpour
from outpour import _core


def _part(path: Path) -> ModuleType:
    part = ModuleType(f"{_core.__name__}.{path.stem}")
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef) and hasattr(_core, statement.name):
            setattr(part, statement.name, getattr(_core, statement.name))
    return part


if __name__ == "__main__":
    for path in Path(outpour.__file__).with_name("_core").glob("[!_]*.pyi"):
        part = _part(path)
        sys.modules[part.__name__] = part
    sys.exit(stubtest.test_stubs(stubtest.parse_options([_core.__name__])))
