"""What the page of a study says in words, as expressions over its table: a build fails where one is not true.

A claim compares SNRs: ``forward_n2n > proposed`` says so for every case, ``gp_wiener["25"] > forward_n2n["25"]`` for
one, and ``abs(proposed["alpha05"] - proposed["paper"]) < 0.2`` bounds a difference in dB. Comparisons may be chained.
``validated.n2n`` in the place of ``n2n`` is the SNR that the noisy validation pairs imply, and ``spread`` the standard
deviation between brief trainings that differ in their seed alone.
"""

import ast
from typing import Any

import numpy as np
import pandas as pd

_VALIDATED = "validated."
_OPERATORS = {ast.Gt: np.greater, ast.Lt: np.less, ast.GtE: np.greater_equal, ast.LtE: np.less_equal}


def true(claim: str, table: pd.DataFrame, spread: float | None = None) -> bool:
    """Whether a claim holds.

    Args:
        claim: an expression over methods and their cases.
        table: columns ``case``, ``method``, ``snr_db``, ``validated_db``, one row per pair of them.
        spread: between trainings [dB]; a claim that names it needs it.

    Raises:
        ValueError: the claim is no comparison of this kind, or names a method or a case that the table does not have.
    """
    try:
        tree = ast.parse(claim, mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"claim {claim!r} is no expression: {error.msg}") from None
    if not isinstance(tree, ast.Compare):
        raise ValueError(f"claim {claim!r} must be a comparison")
    columns = {"": "snr_db", _VALIDATED: "validated_db"}
    values: dict[str, Any] = {
        prefix + str(method): part.set_index("case")[column]
        for prefix, column in columns.items()
        if column in table
        for method, part in table.groupby("method")
    } | ({} if spread is None else {"spread": spread})
    sides = [_value(node, values, claim) for node in (tree.left, *tree.comparators)]
    for left, operator, right in zip(sides, tree.ops, sides[1:], strict=False):
        if type(operator) not in _OPERATORS:
            raise ValueError(f"claim {claim!r} must compare by <, <=, > or >=")
        if not np.all(_OPERATORS[type(operator)](left, right)):
            return False
    return True


def _value(node: ast.expr, values: dict[str, Any], claim: str) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return node.value
    if isinstance(node, (ast.Name, ast.Attribute)):
        name = ast.unparse(node)
        if name not in values:
            raise ValueError(f"claim {claim!r} names {name}; the table has {', '.join(values)}")
        return values[name]
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        series = _value(node.value, values, claim)
        if isinstance(series, (int, float)):
            raise ValueError(f"claim {claim!r} takes a case of {ast.unparse(node.value)}, which has none")
        if node.slice.value not in series:
            raise ValueError(
                f"claim {claim!r} names the case {node.slice.value!r}; the table has {', '.join(series.index)}"
            )
        return series[node.slice.value]
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        left, right = _value(node.left, values, claim), _value(node.right, values, claim)
        return left + right if isinstance(node.op, ast.Add) else left - right
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "abs" and len(node.args) == 1:
        return abs(_value(node.args[0], values, claim))
    raise ValueError(f"claim {claim!r} must be made of methods, cases, numbers, +, - and abs")
