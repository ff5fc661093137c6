"""What stands between braces in a manifest, and the conditions of `when` and of retries.

Only what the manifests of labelcycle use of Argo's expression languages is understood; all else is an error.
"""

import ast
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

TAG = re.compile(r"\{\{(=?)(.*?)\}\}")

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "asInt": int,
    "sprig.sha256sum": lambda text: hashlib.sha256(text.encode()).hexdigest(),
}


class UnresolvedError(Exception):
    """A tag or an expression names what is not known."""


def substitute(value: Any, scope: Mapping[str, str]) -> Any:
    """Put values in the place of `{{name}}` and `{{=expression}}`, in every text of `value`.

    Args:
        value: of a manifest: texts, lists and mappings.
        scope: values by full name, such as `inputs.parameters.cycle`.

    Raises:
        UnresolvedError: a name is not in the scope.
    """
    if isinstance(value, dict):
        return {key: substitute(part, scope) for key, part in value.items()}
    if isinstance(value, list):
        return [substitute(part, scope) for part in value]
    if isinstance(value, str):
        return TAG.sub(lambda tag: _resolve(tag, scope), value)
    return value


def _resolve(tag: re.Match[str], scope: Mapping[str, str]) -> str:
    if tag[1]:
        return str(evaluate(tag[2], scope))
    if tag[2] not in scope:
        raise UnresolvedError(f"{tag[0]} is not known; known are {sorted(scope)}")
    return scope[tag[2]]


def evaluate(expression: str, scope: Mapping[str, str]) -> Any:
    """The value of an expression, in which dotted names are those of the scope.

    Raises:
        UnresolvedError: it cannot be evaluated.
    """
    return _Evaluation(scope.__getitem__).value(_tree(expression))


def holds(condition: str) -> bool:
    """Whether a `when` holds; Argo takes its bare words for texts.

    Raises:
        UnresolvedError: it is no condition.
    """
    result = _Evaluation(lambda word: word).value(_tree(condition))
    if not isinstance(result, bool):
        raise UnresolvedError(f"`when` is neither true nor false: {condition}")
    return result


def _tree(expression: str) -> ast.expr:
    """Argo's operators written as Python's, which has the same precedence for those that are used, or parentheses."""
    text = expression.replace("&&", " and ").replace("||", " or ").replace(" matches ", " @ ")
    text = re.sub(r"!(?=\()", " not ", text)
    text = re.sub(r"^(.+?) \? (.+?) : (.+)$", r"(\2) if (\1) else (\3)", text)
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise UnresolvedError(f"no expression: {expression}") from error


class _Evaluation:
    """Walks the tree of an expression."""

    def __init__(self, named: Callable[[str], Any]) -> None:
        self.named = named

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value):
                return value
            case ast.Name() | ast.Attribute():
                try:
                    return self.named(ast.unparse(node))
                except KeyError as error:
                    raise UnresolvedError(f"{ast.unparse(node)} is not known") from error
            case ast.List(elements):
                return [self.value(element) for element in elements]
            case ast.Call(function, [argument], []) if ast.unparse(function) in FUNCTIONS:
                return FUNCTIONS[ast.unparse(function)](self.value(argument))
            case ast.IfExp(test, body, otherwise):
                return self.value(body if self.value(test) else otherwise)
            case ast.BinOp(left, ast.Add(), right):
                return self.value(left) + self.value(right)
            case ast.BinOp(left, ast.MatMult(), right):
                return re.search(self.value(right), self.value(left)) is not None
            case ast.UnaryOp(ast.Not(), operand):
                return not self.value(operand)
            case ast.BoolOp(ast.And(), values):
                return all(self.value(part) for part in values)
            case ast.BoolOp(ast.Or(), values):
                return any(self.value(part) for part in values)
            case ast.Compare(left, [operator], [right]):
                return _compare(self.value(left), operator, self.value(right))
        raise UnresolvedError(f"not understood: {ast.unparse(node)}")


def _compare(left: Any, operator: ast.cmpop, right: Any) -> bool:
    match operator:
        case ast.Eq():
            return bool(left == right)
        case ast.NotEq():
            return bool(left != right)
        case ast.Lt():
            return bool(left < right)
        case ast.In():
            return bool(left in right)
        case ast.NotIn():
            return bool(left not in right)
    raise UnresolvedError(f"not understood: {type(operator).__name__}")
