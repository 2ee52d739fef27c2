"""Small questions to a syntax tree."""

from __future__ import annotations

import ast
from typing import TypeGuard


class Field(ast.AnnAssign):
    """An annotated name."""

    target: ast.Name


def assigned(item: ast.stmt) -> dict[str, ast.expr | None]:
    """Name and value of a plain assignment; a chain gives several names one value, a bare annotation none."""
    if isinstance(item, ast.AnnAssign):
        return {item.target.id: item.value} if isinstance(item.target, ast.Name) else {}
    if not isinstance(item, ast.Assign):
        return {}
    return {target.id: item.value for target in item.targets if isinstance(target, ast.Name)}


def top_level(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a module, also those under `if` and `try`."""
    found = []
    for node in body:
        inner = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
        if isinstance(node, ast.If | ast.Try):
            handlers = [handler.body for handler in getattr(node, "handlers", [])]
            for block in [*inner, *handlers]:
                found += top_level(block)
        else:
            found.append(node)
    return found


def first_line(node: ast.ClassDef | ast.FunctionDef) -> str:
    """The first sentence of a docstring, as one line; empty where there is none."""
    text = ast.get_docstring(node) or ""
    return " ".join(text.split("\n\n")[0].split())


def forwards_the_rest(node: ast.FunctionDef, rest: str) -> bool:
    """Whether an `__init__` hands its `**rest` on to the base's."""
    calls = [item for item in ast.walk(node) if isinstance(item, ast.Call)]
    return any(
        keyword.arg is None and ast.unparse(keyword.value) == rest
        for call in calls
        if ast.unparse(call.func).endswith(".__init__")
        for keyword in call.keywords
    )


def is_abstract(method: ast.FunctionDef) -> bool:
    """Whether a method only says that a subclass has it."""
    marks = {ast.unparse(mark).rpartition(".")[2] for mark in method.decorator_list}
    if "abstractmethod" in marks:
        return True
    body = [item for item in method.body if not _is_text(item)]
    if len(body) != 1 or not isinstance(body[0], ast.Raise) or body[0].exc is None:
        return False
    return "NotImplementedError" in ast.unparse(body[0].exc)


def is_field(item: ast.stmt) -> TypeGuard[Field]:
    """Whether a statement of a dataclass makes an argument of it."""
    named = isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    return named and "ClassVar" not in ast.unparse(item.annotation)  # type: ignore[attr-defined]


def is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(mark) for mark in node.decorator_list)


def _is_text(item: ast.stmt) -> bool:
    return isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)
