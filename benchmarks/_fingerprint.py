"""Fingerprint of the code that a measured number depends on.

A fingerprint is a hash over the source of all definitions (functions, classes, constants) that some
given ones reach by name, in sknoisy and in the benchmarks. What cannot change a number does not
count: comments, docstrings, annotations, the texts of errors, and the file that holds a definition.
Other packages count by their version, where they are named.

``METHODS`` is not followed: which of its entries a number depends on is for the caller to name.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import symtable
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

BENCHMARKS = Path(__file__).resolve().parent
DEFINING = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign,
)  # fmt: skip


def fingerprint(*parts: Callable[..., Any] | str) -> str:
    """Hash the code that the parts depend on, in eight hexadecimal digits.

    Parameters
    ----------
    *parts : function, class or str
        Functions and classes of sknoisy or of a benchmark, followed to all definitions that they
        use; or names of packages, of which the installed version counts.

    Returns
    -------
    str
    """
    packages = [f"{part} {version(part)}" for part in parts if isinstance(part, str)]
    starts = [_definition(part) for part in parts if not isinstance(part, str)]
    texts = {_text_of(statement) for statement in _reached(starts)}
    lines = "\n".join([*sorted(packages), *sorted(texts)])
    return hashlib.sha256(lines.encode()).hexdigest()[:8]


class Definition(NamedTuple):
    """A name at the top level of a file; all of the file if the name is None."""

    path: Path
    name: str | None


class Source(NamedTuple):
    """What the top level of a file defines and imports."""

    definitions: dict[str, list[ast.stmt]]
    imports: dict[str, tuple[str, str | None]]
    # Loops, conditions, calls: they have run, whatever is used of the file.
    others: list[ast.stmt]


def _definition(part: Callable[..., Any]) -> Definition:
    path = inspect.getsourcefile(part)
    if path is None:
        raise LookupError(f"The source of {part!r} is not known.")
    return Definition(Path(path).resolve(), part.__qualname__.partition(".")[0])


def _reached(starts: list[Definition]) -> Iterator[ast.stmt]:
    """Statements of the given definitions and of all that they use."""
    registry = Definition(_file_of("sknoisy.methods"), "METHODS")
    seen, waiting = {registry, *starts}, list(starts)
    while waiting:
        path, name = waiting.pop()
        source = _source(path)
        used: set[Definition] = set()
        if name is None:
            statements = [s for group in source.definitions.values() for s in group]
            used.update(*(_resolved(*imported) for imported in source.imports.values()))
        else:
            statements = source.definitions[name]
        for statement in [*statements, *source.others]:
            yield statement
            used.update(_used(statement, path))
        waiting += used - seen
        seen |= used


@cache
def _used(statement: ast.stmt, path: Path) -> frozenset[Definition]:
    """Definitions that a statement names; what it imports itself is looked into."""
    source = _source(path)
    imports = dict(source.imports)
    for node in ast.walk(statement):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports |= _imported(node)
    used: set[Definition] = set()
    for name in _global_names(symtable.symtable(ast.unparse(statement), str(path), "exec")):
        if name in imports:
            used.update(_resolved(*imports[name]))
        elif name in source.definitions:
            used.add(Definition(path, name))
    return frozenset(used)


def _global_names(scope: symtable.SymbolTable) -> set[str]:
    """Names that are looked up in the module, and those that a function imports for itself."""
    top = scope.get_type() == "module"
    names = {
        symbol.get_name()
        for symbol in scope.get_symbols()
        if symbol.is_imported() or symbol.is_global() or (top and symbol.is_referenced())
    }
    return names.union(*map(_global_names, scope.get_children()))


def _resolved(module: str, name: str | None) -> Iterator[Definition]:
    """Find where an imported name is defined; nothing if that is in another package."""
    path = _file_of(module)
    if path is None:
        return
    source = _source(path)
    if name is None or name in source.definitions:
        yield Definition(path, name)
    elif name in source.imports:
        yield from _resolved(*source.imports[name])
    elif (inner := _file_of(f"{module}.{name}")) is not None:
        yield Definition(inner, None)
    else:
        raise LookupError(f"{module!r} does not define {name!r} where it can be read.")


@cache
def _file_of(module: str) -> Path | None:
    package, *inner = module.split(".")
    if package == "sknoisy":
        spec = find_spec("sknoisy")
        assert spec is not None and spec.origin is not None
        base = Path(spec.origin).resolve().parent.joinpath(*inner)
    else:
        base = BENCHMARKS.joinpath(package, *inner)
    files = [path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()]
    return files[0] if files else None


@cache
def _source(path: Path) -> Source:
    source = Source({}, {}, [])
    tree = _WithoutProse().visit(ast.parse(path.read_text()))
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            source.imports.update(_imported(statement))
        elif not _only_for_checkers_or_scripts(statement):
            for name in _bound(statement):
                source.definitions.setdefault(name, []).append(statement)
            if not isinstance(statement, DEFINING):
                source.others.append(statement)
    return source


def _bound(statement: ast.stmt) -> set[str]:
    """Names that a statement at the top level defines, also those in its branches."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    names: set[str] = set()
    parts = statement.targets if isinstance(statement, ast.Assign) else [statement]
    for node in (node for part in parts for node in ast.walk(part)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= _imported(node).keys()
    return names


def _imported(node: ast.Import | ast.ImportFrom) -> dict[str, tuple[str, str | None]]:
    """Bound names, each with its module and its name there; None is the module itself."""
    if isinstance(node, ast.ImportFrom):
        if node.level or node.module is None:
            raise LookupError("Fingerprints need absolute imports.")
        return {a.asname or a.name: (node.module, a.name) for a in node.names}
    packages = {a.name.partition(".")[0] for a in node.names if not a.asname}
    modules = {a.asname: a.name for a in node.names if a.asname}
    return {n: (module, None) for n, module in ({p: p for p in packages} | modules).items()}


def _only_for_checkers_or_scripts(statement: ast.stmt) -> bool:
    """Whether it is a part for type checkers, or one that runs only when a script is called."""
    if not isinstance(statement, ast.If):
        return False
    names = {node.id for node in ast.walk(statement.test) if isinstance(node, ast.Name)}
    return bool(names & {"TYPE_CHECKING", "__name__"})


class _WithoutProse(ast.NodeTransformer):
    """Remove docstrings, annotations, and what an error is raised with."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not _is_text(s)] or [ast.Pass()]  # type: ignore
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            node.exc = node.exc.func
        return node


def _is_text(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


@cache
def _text_of(statement: ast.stmt) -> str:
    return _text(statement)


def _text(node: Any) -> str:
    """Write a syntax tree as text that is the same in all versions of Python.

    `ast.dump` writes fields that newer versions add, also where they are empty. Imports are left
    out: the definitions that they name count.
    """
    if isinstance(node, ast.Constant):
        return repr(node.value)
    if isinstance(node, list):
        return "[" + ",".join(_text(n) for n in node if not _is_import(n)) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [
        f"{name}={_text(value)}"
        for name, value in ast.iter_fields(node)
        if value is not None and value != []
    ]
    return f"{type(node).__name__}({','.join(fields)})"


def _is_import(node: Any) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)
