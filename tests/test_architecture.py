"""The house keeps its order: imports only go up, stand at the top of their module, and load what is needed only."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import matcalc

PACKAGE = Path(matcalc.__file__).parent

# A module imports only from rows above its own. A package stands in one row; within it there are no cycles.
RANKS = (
    "errors sizes byvalue floats",
    "syntax letters resources",
    "entries",
    "declarations functions",
    "tokens tex",
    "parsing",
    "render",
    "length labelling traces",
    "ir",
    "shapes tape expanding plain lifting",
    "inference",
    "lower places",
    "numeric",
    "evaluate systems",
    "rewrites",
    "simplify",
    "statements",
    "differentiate",
    "forms",
    "terms",
    "network factoring",
    "recognise",
    "indices",
    "codegen",
    "structured",
    "sampling userfunctions structure",
    "contraction naming",
    "duals",
    "confirm",
    "draws entrywise",
    "exact probes",
    "judge",
    "points writing",
    "matching",
    "shelf",
    "verify printable vectorised",
    "derivation actions",
    "shown",
    "derive",
    "verdicts changes claims counterexample",
    "nearest",
    "catalogue check",
    "__init__",
    "arguments",
    "commands",
    "cli",
    "__main__",
)
RANK = {name: row for row, names in enumerate(RANKS) for name in names.split()}


def _module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


FILES = {_module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(FILES[module].read_text(encoding="utf-8"))


def _folder(module: str) -> list[str]:
    """The package that relative imports of a module start from."""
    parts = module.split(".")
    is_package = FILES[module].name == "__init__.py" and module != "__init__"
    return parts if is_package else parts[:-1]


def _target(prefix: list[str], name: str) -> str:
    """The module that `from prefix import name` reads."""
    inner = ".".join([*prefix, name])
    return inner if inner in FILES else ".".join(prefix) or "__init__"


def _imported(module: str) -> set[str]:
    """The modules of the package that a module imports."""
    found = set()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                folder = _folder(module)
                base = folder[: len(folder) - node.level + 1]
            elif node.module and node.module.split(".")[0] == "matcalc":
                base = []
            else:
                continue
            inside = (node.module or "").split(".")
            inside = inside if node.level else inside[1:]
            prefix = [*base, *(part for part in inside if part)]
            found |= {_target(prefix, alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            found |= {".".join(parts[1:]) or "__init__" for parts in names if parts[0] == "matcalc"}
    return found - {module}


GRAPH = {module: _imported(module) for module in FILES}


def _top(module: str) -> str:
    return module.split(".")[0]


def test_every_module_has_a_rank() -> None:
    assert {_top(module) for module in FILES} == set(RANK)


def test_the_graph_is_read_rightly() -> None:
    assert {"ir", "lower", "codegen", "render.text"} <= GRAPH["derive"]
    assert "functions" in GRAPH["shapes"]
    assert GRAPH["errors"] == set()


@pytest.mark.parametrize("module", FILES)
def test_imports_go_up(module: str) -> None:
    own = RANK.get(_top(module), len(RANKS))
    others = {other for other in GRAPH[module] if _top(other) != _top(module)}
    assert not {other for other in others if RANK.get(_top(other), 0) >= own}


def test_there_are_no_cycles() -> None:
    left = dict(GRAPH)
    while left:
        ready = [module for module, others in left.items() if not others & left.keys()]
        assert ready, f"a cycle among {sorted(left)}"
        for module in ready:
            del left[module]


@pytest.mark.parametrize("module", FILES)
def test_imports_stand_at_the_top(module: str) -> None:
    top_level = {node for node in _tree(module).body if isinstance(node, ast.Import | ast.ImportFrom)}
    everywhere = {node for node in ast.walk(_tree(module)) if isinstance(node, ast.Import | ast.ImportFrom)}
    late = everywhere - top_level
    assert all(isinstance(node, ast.Import) and node.names[0].name in ("mpmath", "sympy") for node in late)


def test_importing_loads_only_what_is_needed() -> None:
    program = "import sys, matcalc; print(*{m.split('.')[0] for m in sys.modules} - sys.stdlib_module_names)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    packages = {name for name in run.stdout.split() if not name.startswith("_")}
    # lark loads interegular where it is installed
    assert packages <= {"matcalc", "numpy", "lark", "interegular"}


@pytest.mark.parametrize("module", FILES)
def test_a_module_says_what_it_is(module: str) -> None:
    assert ast.get_docstring(_tree(module))
