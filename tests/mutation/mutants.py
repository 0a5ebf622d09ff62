"""Mutants of a module by Cosmic Ray's operators, and how a process gets one in place of the module."""

from __future__ import annotations

import ast
import hashlib
import importlib.machinery
import random
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEED = 20
ARITHMETIC = {
    "Add": ("Sub", "Mul"),
    "Sub": ("Add", "Mul"),
    "Mul": ("Add", "Div"),
    "Div": ("Mul", "Sub"),
    "FloorDiv": ("Mul",),
    "Mod": ("Mul",),
    "Pow": ("Mul",),
    "BitAnd": ("BitOr",),
    "BitOr": ("BitAnd",),
}
COMPARISONS = ("Eq", "NotEq", "Lt", "LtE", "Gt", "GtE")  # each by each; not by `is`
OTHER = ("ReplaceUnaryOperator_USub_UAdd", "ReplaceUnaryOperator_Delete_USub", "ReplaceUnaryOperator_Delete_Not",
         "ReplaceUnaryOperator_Delete_Invert", "AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue",
         "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak",
         "NumberReplacer", "ZeroIterationForLoop")  # fmt: skip
# Equal by construction, so not counted: the row of a parameter that is the same in every setting (of those that
# organisations may set, the row is a variable), and the last axis of an array that has one.
EQUAL = re.compile(
    r"(?<![\w.])((?:P|S\.parameters)\[[^\],]*,\s*)-?[01](?=(?:, r)?\])"
    r"|((?:role|setting|runs|tie_a|_start|posts)\.shape\[\s*)(?:0|-1)(?=\])"
)


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    module: str
    operator: str
    line: int
    before: str
    after: str
    code: str

    @property
    def key(self) -> str:
        """The same only for the same change of the same source."""
        return hashlib.blake2b(f"{self.module}\n{self.code}".encode(), digest_size=12).hexdigest()


class _Bare(ast.NodeTransformer):
    """Takes annotations away, which nothing evaluates."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)


def bare(code: str) -> str | None:
    """What is left of code to compare; None: it is no Python."""
    try:
        return ast.dump(_Bare().visit(ast.parse(code)))
    except SyntaxError:
        return None


def operators() -> list[str]:
    """Names of Cosmic Ray's operators that are used."""
    arithmetic = [f"ReplaceBinaryOperator_{a}_{b}" for a, others in ARITHMETIC.items() for b in others]
    comparison = [f"ReplaceComparisonOperator_{a}_{b}" for a in COMPARISONS for b in COMPARISONS if a != b]
    return [*arithmetic, *comparison, *OTHER]


def mutants(module: str) -> list[Mutant]:
    """All mutants of a module, those of annotations and what is no Python left out, in an order drawn with a fixed
    seed: a sample is the first so many, and a larger sample holds every smaller one."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    source, found = (ROOT / f"{module}.py").read_text("utf-8"), []
    lines, parts = source.splitlines(), [node.get_code() for node in get_ast(source).children]
    trees = [list(ast_nodes(get_ast(part))) for part in parts]
    for name in operators():
        operator = get_operator(f"core/{name}")()
        before = ""
        for part, nodes in zip(parts, trees, strict=True):  # one by one: a change parses its part alone
            positions = [start[0] for node in nodes for start, _ in operator.mutation_positions(node)]
            above, after, same = before.count("\n"), source[len(before) + len(part) :], bare(part)
            for occurrence, place in enumerate(positions):
                other = mutate_code(part, operator, occurrence)
                assert other is not None
                line, code = above + place, before + other + after
                changed = code.splitlines()[line - 1]
                if EQUAL.sub("@", changed) != EQUAL.sub("@", lines[line - 1]) and bare(other) not in (same, None):
                    found.append(Mutant(module, name, line, lines[line - 1].strip(), changed.strip(), code))
            before += part
    random.Random(f"{SEED} {module}").shuffle(found)
    return found


class _Loader(importlib.machinery.SourceFileLoader):
    """Gives a module the source of its mutant."""

    mutant: Mutant

    def get_code(self, fullname: str):
        return compile(self.mutant.code, self.path, "exec")


class _Finder:
    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None):
        if name != "valign." + self.mutant.module.replace("/", "."):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        assert spec is not None
        assert spec.origin is not None
        loader = _Loader(name, spec.origin)
        loader.mutant = self.mutant
        spec.loader = loader
        return spec


def put_in_place(mutant: Mutant) -> None:
    """From here on an import of the module runs the mutant."""
    sys.meta_path.insert(0, _Finder(mutant))


def forget(prefixes: Sequence[str]) -> None:
    """Take modules out of sys.modules, so that the next import runs them anew."""
    for name in [name for name in sys.modules if name.startswith(tuple(prefixes))]:
        parent, _, child = name.rpartition(".")
        if parent in sys.modules and hasattr(sys.modules[parent], child):
            delattr(sys.modules[parent], child)
        del sys.modules[name]
