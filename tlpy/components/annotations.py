"""What an annotation in a source file means, worked out without running the file."""

from __future__ import annotations

import ast
import builtins
import typing
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

# An annotation may name what these hold; the rest of a file's names mean nothing to planning.
_RULES = "tlpy.components.rules"
_HOLDERS = (_RULES, "typing", "typing_extensions", "collections.abc")
_BUILT_IN = ("bool", "int", "float", "str", "list", "tuple", "dict")

# The dotted name that an expression stands for, or the expression and file that a name was given there.
Resolve = Callable[[ast.expr, Path], "str | tuple[ast.expr, Path] | None"]


class _UnknownError(Exception):
    """An expression that is not worked out."""


def read_annotation(node: ast.expr | None, file: Path, resolve: Resolve) -> Any:
    """The type that an annotation stands for; `Any` where it means nothing here.

    `Annotated[…, RULE]` keeps its rule whatever the type within.

    Args:
        node: the annotation as it is written; text is taken for what it says.
        file: where it is written.
        resolve: looks names up in that file.
    """
    if node is None:
        return Any
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            node = ast.parse(node.value, mode="eval").body
        except SyntaxError:
            return Any
    return _type(node, file, resolve)


def _type(node: ast.expr, file: Path, resolve: Resolve) -> Any:
    try:
        return _value(node, file, resolve)
    except (_UnknownError, TypeError, AttributeError):
        return Any


def _value(node: ast.expr, file: Path, resolve: Resolve) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return typing.Union[_type(node.left, file, resolve), _type(node.right, file, resolve)]  # noqa: UP007
    if isinstance(node, ast.Subscript):
        return _subscript(node, file, resolve)
    if isinstance(node, ast.Call):
        made = _value(node.func, file, resolve)
        if getattr(made, "__module__", "") != _RULES:
            raise _UnknownError
        return made(
            *(_value(item, file, resolve) for item in node.args),
            **{item.arg: _value(item.value, file, resolve) for item in node.keywords if item.arg},
        )
    if isinstance(node, ast.Name | ast.Attribute):
        return _named(node, file, resolve)
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise _UnknownError from None


def _subscript(node: ast.Subscript, file: Path, resolve: Resolve) -> Any:
    of = _value(node.value, file, resolve)
    inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if of is typing.Annotated:
        rules = tuple(_value(item, file, resolve) for item in inside[1:])
        return typing.Annotated[(_type(inside[0], file, resolve), *rules)]
    if of is typing.Literal:
        return typing.Literal[tuple(_value(item, file, resolve) for item in inside)]
    return of[tuple(_type(item, file, resolve) for item in inside)]


def _named(node: ast.expr, file: Path, resolve: Resolve) -> Any:
    found = resolve(node, file)
    if isinstance(found, tuple):
        return _value(*found, resolve)
    module, _, name = (found or "").rpartition(".")
    if not module and name in _BUILT_IN:
        return getattr(builtins, name)
    if module in _HOLDERS:
        return getattr(import_module(module), name)
    raise _UnknownError
