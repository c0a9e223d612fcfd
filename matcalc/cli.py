"""The command `matcalc`."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
from collections.abc import Sequence

from . import __version__
from .arguments import Parser
from .check import Check, checked, compared
from .commands import add_commands
from .derive import LAYOUTS, Derivative, derived
from .errors import InternalError, MatcalcError, ParseError, UnsupportedError
from .structure import MODES
from .verify import Verification

FORMATS = ("text", "unicode", "latex", "index", "kron", "differential", "operator", "numpy", "json", "mathml")
INTERNAL = 3  # an answer that its own verification refutes
INTERRUPTED = 130  # as shells say it
STEPS = ("index", "differential", "all")
VERIFIED = {"numpy": "function", **{form: form for form in ("index", "kron", "differential", "operator")}}
WITH_STEPS = ("text", "unicode", "latex", "json")
EXAMPLES = """\
examples:
  matcalc derive '||X - U V||_F^2' --wrt V
  matcalc derive 'x^T A x' --wrt x -d 'A: matrix(n,n) symmetric'
  matcalc derive 'logdet(X)' --wrt X --format latex
  matcalc derive '1/m sum_i (y_i - X_ij w_j)^2' --wrt w -d 'X: matrix(m,n)'
  matcalc derive 'x^T A x' --wrt x --wrt x --verify
  matcalc derive 'x^T A x' --wrt x --steps
  matcalc derive 'sigmoid(X w)' --wrt w --format numpy
  matcalc check 'x^T A x' '2 A x' --wrt x
  matcalc equal '(A B)^-1' 'B^-1 A^-1' -d 'A: matrix(n,n)' -d 'B: matrix(n,n)'

What is not declared is inferred from how it is used: capitals are matrices, small
letters vectors or scalars. Kinds: scalar, vector(n), matrix(n,m), tensor(n,m,k).
Exit status: 0 done, 1 the claim is wrong or could not be verified, 2 the input is wrong.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; errors are one message on standard error, and status 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # of a source, say, that the terminal cannot show
    try:
        arguments = _parser().parse(sys.argv[1:] if argv is None else argv)
        status: int = arguments.run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except InternalError as error:
        _failed(f"internal error: {error}")
        return INTERNAL
    except MatcalcError as error:
        return _failed(str(error))
    except BrokenPipeError:  # whoever read has read enough
        _discard_output()
        return 0
    except OSError as error:
        _discard_output()
        return _failed(f"the answer could not be written: {error.strerror or error}")
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def _failed(message: str) -> int:
    with contextlib.suppress(OSError):
        print(f"matcalc: {message}", file=sys.stderr, flush=True)
    return 2


def _discard_output() -> None:
    """What is left to write goes nowhere: Python would try again at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> Parser:
    parser = Parser(
        prog="matcalc",
        description="Matrix calculus: derivatives of matrix expressions, in matrix notation, verified.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"matcalc {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_derive(commands)
    _add_check(commands)
    _add_equal(commands)
    add_commands(commands, _declarations)
    return parser


def _add_derive(commands: argparse._SubParsersAction[Parser]) -> None:
    command = commands.add_parser(
        "derive",
        help="the derivative of an expression by a symbol",
        description="Print the derivative of EXPR by X.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("expr", metavar="EXPR", help="an expression, such as 'x^T A x'")
    command.add_argument(
        "--wrt", metavar="X", action="append", required=True, help="the symbol; twice for the second derivative"
    )
    command.add_argument(
        "-d", "--declare", metavar="'A: matrix(n,n) symmetric'", action="append", default=[], help="declare a symbol"
    )
    command.add_argument("--layout", choices=LAYOUTS, default="mixed")
    command.add_argument(
        "--structure", choices=MODES, help="differentiate within the structure that X is declared with"
    )
    command.add_argument("--format", choices=FORMATS, default="text")
    command.add_argument("--pretty", action="store_true", help="name the repeated parts of a long answer")
    command.add_argument(
        "--steps",
        nargs="?",
        const="index",
        choices=STEPS,
        help="the derivation: in index notation, by the differential, or with all details",
    )
    command.add_argument("--verify", action="store_true", help="say what the verification of the answer found")
    _add_seed(command)
    command.set_defaults(run=_derive)


def _add_check(commands: argparse._SubParsersAction[Parser]) -> None:
    command = commands.add_parser("check", help="whether a claim is the derivative, and if not, what is wrong with it")
    command.add_argument("expr", metavar="EXPR")
    command.add_argument("claim", metavar="CLAIM", help="in any layout, in index notation, or a differential in dX")
    command.add_argument("--wrt", metavar="X", action="append", required=True)
    command.add_argument("-d", "--declare", metavar="'A: matrix(n,n)'", action="append", default=[])
    command.add_argument("--layout", choices=LAYOUTS, help="the only layout that the claim may be in")
    command.add_argument("--structure", choices=MODES)
    _add_seed(command)
    command.set_defaults(run=_check)


def _add_equal(commands: argparse._SubParsersAction[Parser]) -> None:
    command = commands.add_parser("equal", help="whether two expressions are equal for all values")
    command.add_argument("lhs", metavar="LHS")
    command.add_argument("rhs", metavar="RHS")
    command.add_argument("-d", "--declare", metavar="'A: matrix(n,n)'", action="append", default=[])
    _add_seed(command)
    command.set_defaults(run=lambda a: _told(compared(a.lhs, a.rhs, None, a.seed, _declarations(a.declare))))


def _add_seed(command: argparse.ArgumentParser) -> None:
    command.add_argument("--seed", type=int, help="repeats a verdict that was told with this seed")


def _check(a: argparse.Namespace) -> int:
    table = _declarations(a.declare)
    return _told(checked(a.expr, a.claim, a.wrt, None, a.layout, a.structure, a.seed, table))


def _told(found: Check) -> int:
    print(found)
    return 0 if found.ok else 1


def _declarations(texts: Sequence[str]) -> dict[str, str]:
    table = {}
    for text in texts:
        name, colon, declaration = text.partition(":")
        if not colon:
            raise ParseError("a declaration has the form 'A: matrix(n,n)'", text, len(text))
        table[name.strip()] = declaration.strip()
    return table


def _derive(arguments: argparse.Namespace) -> int:
    d = derived(
        arguments.expr,
        arguments.wrt,
        None,
        arguments.layout,
        arguments.structure,
        "differential" if arguments.steps == "differential" else "index",
        _declarations(arguments.declare),
    )
    if arguments.steps and arguments.format not in WITH_STEPS:
        raise UnsupportedError(f"--steps is for the formats {', '.join(WITH_STEPS)}")
    verdict = d.verify(seed=arguments.seed, form=VERIFIED.get(arguments.format, "text"))
    if arguments.format == "json":
        told = _as_json(d, verdict if arguments.verify else None, bool(arguments.steps))
        answer = json.dumps(told, ensure_ascii=False, indent=2)
        print(answer if _can_show(answer) else json.dumps(json.loads(answer), indent=2))
    else:
        print(_showable(d, arguments))
        if d.note:
            print(f"note: {d.note}", file=sys.stderr)
        if arguments.verify:
            print(f"verification: {verdict}", file=sys.stderr)
    return 0 if verdict.ok or not arguments.verify else 1


def _showable(d: Derivative, arguments: argparse.Namespace) -> str:
    """The answer in the format that was asked for; in plain text where the output has no Unicode."""

    def shown(language: str) -> str:
        return _steps(d, language, arguments.steps) if arguments.steps else _shown(d, language, arguments.pretty)

    answer = shown(arguments.format)
    if _can_show(answer):
        return answer
    if arguments.format == "mathml":
        return answer.encode("ascii", "xmlcharrefreplace").decode()
    print(f"note: the output is in {sys.stdout.encoding}; this is the format text", file=sys.stderr)
    return shown("text")


def _can_show(answer: str) -> bool:
    """Whether the output has all its characters."""
    try:
        answer.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _shown(d: Derivative, language: str, pretty: bool) -> str:
    if language == "numpy":
        return d.code("numpy").rstrip("\n")
    if language == "text":
        return d.pretty() if pretty else str(d)
    return str(getattr(d, language)())


def _steps(d: Derivative, language: str, which: str) -> str:
    steps = d.steps.full if which == "all" else d.steps
    return {"text": steps.__str__, "unicode": steps.unicode, "latex": steps.latex}[language]()


def _as_json(d: Derivative, verdict: Verification | None, with_steps: bool) -> dict[str, object]:
    answer: dict[str, object] = {
        "expression": str(d.expr),
        "wrt": list(d.wrt),
        "derivative": str(d),
        "latex": d.latex(),
        "index": d.index(),
        "shape": list(d.shape),
        "layout": d.layout,
        "is_matrix_form": d.is_matrix_form,
        "declarations": d.declarations,
    }
    if with_steps:
        answer["steps"] = [
            {"rule": str(s.rule), "before": str(s.before), "after": str(s.after), "note": str(s.note)} for s in d.steps
        ]
    if d.note:
        answer["note"] = d.note
    if verdict is not None:
        answer["verification"] = {
            "ok": verdict.ok,
            "verdict": str(verdict),
        }
    return answer


if __name__ == "__main__":
    sys.exit(main())
