"""Names that may be meant to be the same."""

from __future__ import annotations

from difflib import SequenceMatcher

ALIKE = 0.82
"""How much of two names must be the same: `Order Complete` and `Order Completed`, not `Order Created`."""


def alike(asked: str, name: str) -> bool:
    """Tell whether two different names may be meant to be the same: by case, style, order of words, or a slip.

    >>> [alike("Order Completed", name) for name in ("order_completed", "OrderComplete", "Completed Order")]
    [True, True, True]
    >>> alike("Order Completed", "Order Created"), alike("Order Completed", "Order Completed")
    (False, False)
    """
    if not name or name == asked:
        return False
    one, other = folded(asked), folded(name)
    if one == other or sorted(asked.casefold().split()) == sorted(name.casefold().split()):
        return True
    match = SequenceMatcher(None, one, other)
    return match.real_quick_ratio() >= ALIKE and match.quick_ratio() >= ALIKE and match.ratio() >= ALIKE


def folded(text: str) -> str:
    """Write a name or an id without case, spaces and signs."""
    return "".join(each for each in text.casefold() if each.isalnum())
