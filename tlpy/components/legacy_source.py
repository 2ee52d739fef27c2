"""What classes a Python file defines and which methods they have, read without running it.

Planning checks own parts in this way: it has no torch, and a network's file needs it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]

# Bases from elsewhere that are known to add no method a part is asked for.
_PLAIN = {
    "object",
    "abc.ABC",
    "typing.Generic",
    "typing.Protocol",
    "torch.nn.Module",
    "torch.nn.modules.module.Module",
    "torch.utils.data.Dataset",
}


@dataclass(frozen=True)
class Signature:
    """The arguments of a function, without `self`.

    Attributes:
        names: all that can be given by name.
        required: those without a default.
        anything: whether it takes any (`**kwargs`).
    """

    names: tuple[str, ...]
    required: tuple[str, ...]
    anything: bool


@dataclass(frozen=True)
class Constant:
    """A value that a class gives a name.

    Attributes:
        value: the value; None where `read` is false.
        owner: the dotted path of the class that gives it.
        read: whether the source shows the value: it is written out, there or under the name that is used.
    """

    value: Any
    owner: str
    read: bool = True


@dataclass
class Described:
    """A class or function as its source shows it.

    Attributes:
        file, line: where it is defined.
        is_class: a class, not a function.
        methods: those that do something (abstract ones do not count), inherited ones included.
        ancestors: dotted names of all bases, nearest first.
        constants: values that the class and its bases give names, the nearest one's of each name.
        signature: how it is made; None where that is inherited from a class not in sight.
        closed: every base was found; else there may be more methods and ancestors.
    """

    file: Path
    line: int
    is_class: bool
    methods: set[str] = field(default_factory=set)
    ancestors: list[str] = field(default_factory=list)
    constants: dict[str, Constant] = field(default_factory=dict)
    signature: Signature | None = None
    closed: bool = True


class SourceTree:
    """The modules of a folder, and those of `tlpy` itself.

    Args:
        folder: the folder of own components, or None.
        elsewhere: further folders that modules may be in, such as Python's path.
    """

    def __init__(self, folder: Path | None, elsewhere: Sequence[Path] = ()) -> None:
        self.folder = Path(folder) if folder else None
        self._folders = [*([self.folder] if self.folder else []), *elsewhere]
        self._parsed: dict[Path, ast.Module] = {}

    def file_of(self, module: str) -> Path | None:
        """The source of `module` in `tlpy` or one of the folders; None for one from elsewhere."""
        parts = module.split(".")
        for root in [PACKAGE.parent] if parts[0] == PACKAGE.name else self._folders:
            base = root.joinpath(*parts)
            for file in (base.with_suffix(".py"), base / "__init__.py"):
                if file.is_file():
                    return file
        return None

    def modules(self) -> list[str]:
        """The names of the folder's own modules."""
        if self.folder is None or not self.folder.is_dir():
            return []
        return sorted(
            child.stem
            for child in self.folder.iterdir()
            if child.suffix == ".py" or (child / "__init__.py").is_file()
        )

    def parse(self, file: Path) -> ast.Module:
        """The file's syntax tree; raises `SyntaxError`."""
        if file not in self._parsed:
            try:
                text = file.read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise SyntaxError(f"is no UTF-8 text: {error.reason}") from None
            self._parsed[file] = ast.parse(text, str(file))
        return self._parsed[file]

    def names(self, file: Path) -> dict[str, ast.stmt | str]:
        """What a module's top level defines: a statement, or the dotted name that it imports."""
        found: dict[str, ast.stmt | str] = {}
        for node in _top_level(self.parse(file).body):
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                found[node.name] = node
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    found[name] = alias.name if alias.asname else name
            elif isinstance(node, ast.ImportFrom):
                module = self._absolute(node, file)
                found.update({alias.asname or alias.name: f"{module}.{alias.name}" for alias in node.names})
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found.update({target.id: node for target in targets if isinstance(target, ast.Name)})
        return found

    def describe(self, path: str) -> Described | None:
        """The class or function at a dotted path; None where its source is not in sight.

        Raises:
            SyntaxError: a module on the way is no Python.
        """
        module, _, name = path.rpartition(".")
        file = self.file_of(module)
        if file is None:
            return None
        node = self.names(file).get(name)
        if isinstance(node, str):
            return self.describe(node) if node != path else None
        if isinstance(node, ast.FunctionDef):
            return Described(file, node.lineno, False, signature=_signature(node, method=False))
        return self._class(node, file) if isinstance(node, ast.ClassDef) else None

    def _class(self, node: ast.ClassDef, file: Path) -> Described:
        found = Described(file, node.lineno, True)
        own = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
        for base in node.bases:
            name = self._dotted(base, file)
            inherited = self.describe(name) if name else None
            found.ancestors.append(name or "?")
            if inherited is None:
                found.closed &= name in _PLAIN
            else:
                found.ancestors += inherited.ancestors
                found.constants = {**inherited.constants, **found.constants}
                found.methods |= inherited.methods
                found.closed &= inherited.closed
                found.signature = found.signature or inherited.signature
        found.methods |= {name for name, method in own.items() if not _is_abstract(method)}
        found.constants |= self._constants(node, file)
        if "__init__" in own:
            found.signature = _signature(own["__init__"], method=True)
        elif _is_dataclass(node):
            found.signature = None
            found.closed = False
        elif found.closed and found.signature is None:
            found.signature = Signature((), (), False)
        return found

    def _constants(self, node: ast.ClassDef, file: Path) -> dict[str, Constant]:
        """The values that a class gives names, without its bases'."""
        owner, found = f"{self.module_of(file)}.{node.name}", {}
        for item in node.body:
            for name, value in _assigned(item).items():
                read, literal = self._literal(value, file)
                found[name] = Constant(literal, owner, read)
        return found

    def _literal(self, value: ast.expr, file: Path) -> tuple[bool, Any]:
        """Whether a value can be read, and the value; a name stands for what its module gives it."""
        try:
            return True, ast.literal_eval(value)
        except ValueError:
            pass
        if not isinstance(value, ast.Name):
            return False, None
        name, found = value.id, self.names(file).get(value.id)
        if isinstance(found, str):
            module, _, name = found.rpartition(".")
            there = self.file_of(module)
            if there is None:
                return False, None
            file, found = there, self.names(there).get(name)
        given = _assigned(found).get(name) if isinstance(found, ast.stmt) else None
        return self._literal(given, file) if given is not None else (False, None)

    def _dotted(self, base: ast.expr, file: Path) -> str | None:
        """The full name behind a base as it is written: `nn.Module`, `Term`, `Generic[T]`."""
        if isinstance(base, ast.Subscript):
            return self._dotted(base.value, file)
        if isinstance(base, ast.Attribute):
            owner = self._dotted(base.value, file)
            return f"{owner}.{base.attr}" if owner else None
        if not isinstance(base, ast.Name):
            return None
        found = self.names(file).get(base.id)
        if isinstance(found, str):
            return found
        return f"{self.module_of(file)}.{base.id}" if found is not None else base.id

    def module_of(self, file: Path) -> str:
        """The dotted name of the module in `file`."""
        places = [PACKAGE.parent] if file.is_relative_to(PACKAGE) else self._folders
        root = next((folder for folder in places if file.is_relative_to(folder)), file.parent)
        parts = file.relative_to(root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def _absolute(self, node: ast.ImportFrom, file: Path) -> str:
        if not node.level:
            return node.module or ""
        package = self.module_of(file).split(".")
        kept = package[: len(package) - node.level + (file.stem == "__init__")]
        return ".".join([*kept, *([node.module] if node.module else [])])


def _assigned(item: ast.stmt) -> dict[str, ast.expr]:
    """Name and value of a plain assignment; a chain gives several names one value."""
    if isinstance(item, ast.AnnAssign):
        target, value = item.target, item.value
        return {target.id: value} if isinstance(target, ast.Name) and value is not None else {}
    if not isinstance(item, ast.Assign):
        return {}
    return {target.id: item.value for target in item.targets if isinstance(target, ast.Name)}


def _top_level(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a module, also those under `if` and `try`."""
    found = []
    for node in body:
        inner = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
        if isinstance(node, ast.If | ast.Try):
            handlers = [handler.body for handler in getattr(node, "handlers", [])]
            for block in [*inner, *handlers]:
                found += _top_level(block)
        else:
            found.append(node)
    return found


def _signature(node: ast.FunctionDef, method: bool) -> Signature:
    given = node.args
    positional = [*given.posonlyargs, *given.args][1 if method else 0 :]
    without = len(positional) - len(given.defaults)
    required = [argument.arg for argument in positional[: max(0, without)]]
    required += [
        argument.arg
        for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
        if default is None
    ]
    names = [argument.arg for argument in [*positional, *given.kwonlyargs]]
    return Signature(tuple(names), tuple(required), given.kwarg is not None)


def _is_abstract(method: ast.FunctionDef) -> bool:
    """Whether a method only says that a subclass has it."""
    marks = {ast.unparse(mark).rpartition(".")[2] for mark in method.decorator_list}
    if "abstractmethod" in marks:
        return True
    body = [item for item in method.body if not _is_text(item)]
    if len(body) != 1 or not isinstance(body[0], ast.Raise) or body[0].exc is None:
        return False
    return "NotImplementedError" in ast.unparse(body[0].exc)


def _is_text(item: ast.stmt) -> bool:
    return isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(mark) for mark in node.decorator_list)
