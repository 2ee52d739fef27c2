"""What classes and functions a Python file defines, read without running it.

Planning knows components in this way, ours and own ones alike: it imports no torch, and a network's file
needs it.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tlpy.components.annotations import read_annotation
from tlpy.components.described import Constant, Described, Parameter, Signature
from tlpy.components.syntax import (
    assigned,
    first_line,
    forwards_the_rest,
    is_abstract,
    is_dataclass,
    is_field,
    top_level,
)

PACKAGE = Path(__file__).resolve().parents[1]

# Bases from elsewhere that are known to add no method a part is asked for; Python's own among them.
_PLAIN = {
    *dir(builtins),
    "abc.ABC",
    "typing.Generic",
    "typing.Protocol",
    "torch.nn.Module",
    "torch.nn.modules.module.Module",
    "torch.utils.data.Dataset",
}


class SourceTree:
    """The modules of some folders, and those of `tlpy` itself.

    Args:
        folders: where modules may be, such as Python's path.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = list(folders)
        self._parsed: dict[Path, ast.Module] = {}
        self._names: dict[Path, dict[str, ast.stmt | str]] = {}
        self._described: dict[str, Described | None] = {}

    def file_of(self, module: str) -> Path | None:
        """The source of `module` in `tlpy` or one of the folders; None for one from elsewhere."""
        parts = module.split(".")
        for root in [PACKAGE.parent] if parts[0] == PACKAGE.name else self._folders:
            base = root.joinpath(*parts)
            for file in (base / "__init__.py", base.with_suffix(".py")):
                if file.is_file():
                    return file
        return None

    def parse(self, file: Path) -> ast.Module:
        """The file's syntax tree; raises `SyntaxError`."""
        if file not in self._parsed:
            try:
                text = file.read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise SyntaxError(f"is no UTF-8 text: {error.reason}", (str(file), 1, None, None)) from None
            try:
                self._parsed[file] = ast.parse(text, str(file))
            except ValueError as error:  # a null byte
                raise SyntaxError(str(error), (str(file), 1, None, None)) from None
        return self._parsed[file]

    def names(self, file: Path) -> dict[str, ast.stmt | str]:
        """What a module's top level defines: a statement, or the dotted name that it imports."""
        if file in self._names:
            return self._names[file]
        found: dict[str, ast.stmt | str] = {}
        for node in top_level(self.parse(file).body):
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
                found.update(dict.fromkeys(assigned(node), node))
        self._names[file] = found
        return found

    def stars(self, file: Path) -> list[str]:
        """The modules of which a module imports everything."""
        imports = [node for node in top_level(self.parse(file).body) if isinstance(node, ast.ImportFrom)]
        return [
            self._absolute(node, file) for node in imports if any(alias.name == "*" for alias in node.names)
        ]

    def describe(self, path: str) -> Described | None:
        """The class or function at a dotted path; None where its source is not in sight.

        Raises:
            SyntaxError: a module on the way is no Python.
        """
        if path not in self._described:
            self._described[path] = None  # a class that leads back to itself is none
            self._described[path] = self._describe(path)
        return self._described[path]

    def _describe(self, path: str) -> Described | None:
        module, _, name = path.rpartition(".")
        file = self.file_of(module)
        if file is None:
            return None
        node = self.names(file).get(name)
        if isinstance(node, str):
            return self.describe(node)
        if isinstance(node, ast.FunctionDef):
            signature = self._signature(node, file, method=False)
            return Described(path, file, node.lineno, False, first_line(node), signature=signature)
        return self._class(node, file) if isinstance(node, ast.ClassDef) else None

    def _class(self, node: ast.ClassDef, file: Path) -> Described:
        path = f"{self.module_of(file)}.{node.name}"
        found = Described(path, file, node.lineno, True, first_line(node))
        own = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
        inherited: Signature | None = None
        fields: dict[str, Parameter] = {}
        lineage: list[tuple[str, dict[str, Constant]]] = []
        for base in node.bases:
            name = self.dotted(base, file)
            parent = self.describe(name) if name else None
            if parent is None:
                lineage.append((name or "?", {}))
                found.closed &= name in _PLAIN
                continue
            lineage += parent.lineage.items()
            found.methods |= parent.methods
            found.closed &= parent.closed
            inherited = inherited or parent.signature
            fields = {field.name: field for field in parent.fields} | fields
        found.methods |= {name for name, method in own.items() if not is_abstract(method)}
        # As Python looks names up: a base that several classes share comes after all of them.
        last = {name: place for place, (name, _) in enumerate(lineage)}
        kept = [pair for place, pair in enumerate(lineage) if last[pair[0]] == place]
        found.lineage = {path: self._constants(node, file), **dict(kept)}
        if "__init__" in own:
            found.signature = self._signature(own["__init__"], file, method=True, parent=inherited)
        elif is_dataclass(node):
            fields |= self._fields(node, file)
            found.signature = Signature(tuple(fields.values()))
        elif inherited is not None or found.closed:
            found.signature = inherited or Signature()
        found.fields = tuple(fields.values())
        return found

    def _signature(
        self, node: ast.FunctionDef, file: Path, method: bool, parent: Signature | None = None
    ) -> Signature:
        given = node.args
        positional = [*given.posonlyargs, *given.args]
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(given.defaults))
        pairs = list(zip(positional, [*defaults, *given.defaults], strict=True))[1 if method else 0 :]
        pairs += zip(given.kwonlyargs, given.kw_defaults, strict=True)
        own = [self._parameter(a.arg, a.annotation, default, file) for a, default in pairs]
        anything = given.kwarg is not None
        if given.kwarg is not None and parent is not None and forwards_the_rest(node, given.kwarg.arg):
            # What it does not name it hands on to its base.
            names = {parameter.name for parameter in own}
            own += [parameter for parameter in parent.parameters if parameter.name not in names]
            anything = parent.anything
        return Signature(tuple(own), anything)

    def _fields(self, node: ast.ClassDef, file: Path) -> dict[str, Parameter]:
        """A dataclass' own fields, by name."""
        items = [item for item in node.body if is_field(item)]
        names = [item.target.id for item in items]
        made = [self._parameter(item.target.id, item.annotation, item.value, file) for item in items]
        return dict(zip(names, made, strict=True))

    def _parameter(
        self, name: str, annotation: ast.expr | None, default: ast.expr | None, file: Path
    ) -> Parameter:
        read, value = (True, None) if default is None else self._literal(default, file)
        said = read_annotation(annotation, file, self._resolve)
        return Parameter(name, default is None, value, read, said)

    def _constants(self, node: ast.ClassDef, file: Path) -> dict[str, Constant]:
        """The values that a class gives names, without its bases'."""
        found = {}
        for item in node.body:
            for name, value in assigned(item).items():
                if value is not None:
                    read, literal = self._literal(value, file)
                    found[name] = Constant(literal, read)
        return found

    def _literal(self, value: ast.expr, file: Path) -> tuple[bool, Any]:
        """Whether a value can be read, and the value; a name stands for what its module gives it."""
        try:
            return True, ast.literal_eval(value)
        except ValueError:
            pass
        if isinstance(value, ast.Tuple | ast.List):
            items = [self._literal(item, file) for item in value.elts]
            made = [item for _, item in items]
            return all(read for read, _ in items), tuple(made) if isinstance(value, ast.Tuple) else made
        found = self._resolve(value, file) if isinstance(value, ast.Name | ast.Attribute) else None
        return self._literal(*found) if isinstance(found, tuple) else (False, None)

    def _resolve(self, node: ast.expr, file: Path) -> str | tuple[ast.expr, Path] | None:
        """What a name in a file stands for: what a module in sight gives it, else its dotted name."""
        path = self.dotted(node, file)
        module, _, name = (path or "").rpartition(".")
        there = self.file_of(module) if module else None
        if there is None or module == "tlpy.components.rules":
            return path
        found = self.names(there).get(name)
        if isinstance(found, str):
            return self._resolve(ast.Name(name), there) if there != file or found != path else path
        given = assigned(found).get(name) if isinstance(found, ast.stmt) else None
        return (given, there) if given is not None else path

    def dotted(self, node: ast.expr, file: Path) -> str | None:
        """The full name behind a name as it is written: `nn.Module`, `Term`, `Generic[T]`."""
        if isinstance(node, ast.Subscript):
            return self.dotted(node.value, file)
        if isinstance(node, ast.Attribute):
            owner = self.dotted(node.value, file)
            return f"{owner}.{node.attr}" if owner else None
        if not isinstance(node, ast.Name):
            return None
        found = self.names(file).get(node.id)
        if isinstance(found, str):
            return found
        return f"{self.module_of(file)}.{node.id}" if found is not None else node.id

    def module_of(self, file: Path) -> str:
        """The dotted name of the module in `file`."""
        places: Iterable[Path] = [PACKAGE.parent] if file.is_relative_to(PACKAGE) else self._folders
        # One may lie in another, as the packages do in the folder of Python's own modules.
        holding = [folder for folder in places if file.is_relative_to(folder)]
        root = max(holding, key=lambda folder: len(folder.parts), default=file.parent)
        parts = file.relative_to(root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def _absolute(self, node: ast.ImportFrom, file: Path) -> str:
        if not node.level:
            return node.module or ""
        package = self.module_of(file).split(".")
        kept = package[: len(package) - node.level + (file.stem == "__init__")]
        return ".".join([*kept, *([node.module] if node.module else [])])
