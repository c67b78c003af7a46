"""What attributes of workers and platforms may say: their names, and the form of each.

An attribute is read by schemes (`worker.<name>`, `platform.<name>`): a name or value that nobody could read is refused
when it comes and not when a month is closed. Upholds L11: no form is free text. Must not know what a scheme makes of
them. Source: the names and their types stand in contracts/README.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from contracts import forms
from contracts.forms import Form, FormError
from contracts.rejections import shown

_CHOSEN: Final = Form("a word such as transport", "[A-Za-z][A-Za-z0-9_-]{0,31}", str)
_PLAN: Final = Form("a plan's number such as 2", "[1-9][0-9]?", str)


Expected = Callable[[object], "str | None"]
"""Says what was expected of a value that is not of its form; None for one that is."""


def problem(where: str, forms_by_name: Mapping[str, Expected], attributes: Mapping[str, object]) -> str | None:
    """What is wrong with the first attribute of another name or form, as a detail; None if all fit."""
    for name, value in attributes.items():
        known = forms_by_name.get(name)
        if known is None:
            return f"{where} name: expected {', '.join(forms_by_name)}, got {shown(name)}"
        expected = known(value)
        if expected is not None:
            return f"{where} value: expected {expected} for {name}, got another"
    return None


def _text(*options: Form[Any]) -> Expected:
    what = " or ".join(form.what for form in options)
    return lambda value: None if isinstance(value, str) and any(_fits(form, value) for form in options) else what


def _several(form: Form[Any]) -> Expected:
    def expected(value: object) -> str | None:
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) and form.fits(item) for item in value):
            return f"a list of texts, each {form.what},"
        return "each item once" if len(set(value)) != len(value) else None

    return expected


def _truth(value: object) -> str | None:
    return None if isinstance(value, bool) else "true or false"


def _fits(form: Form[Any], text: str) -> bool:
    try:
        form.read(text)
    except FormError:
        return False
    return True


WORKER: Final[Mapping[str, Expected]] = {
    "activity": _several(forms.WORD),
    "basis": _text(forms.QUANTITY),
    "born": _text(forms.MONTH),
    "income": _text(forms.QUANTITY),
    "opted_in": _text(forms.MONTH, forms.DATE),
    "pays": _text(forms.WORD),
    "plan": _text(_PLAN),
    "productive": _truth,
    "programmes": _several(forms.FUND),
    "salary": _text(forms.QUANTITY),
    "sector": _text(forms.WORD),
    "service_class": _text(_CHOSEN),
    "sponsor": _text(forms.PLATFORM),
    "state_paid": _truth,
    "subsidy": _text(_CHOSEN),
    "tier": _text(forms.WORD),
}
PLATFORM: Final[Mapping[str, Expected]] = {
    "collects": _text(forms.WORD),
    "first_enrolment": _truth,
    "flat_fee": _truth,
    "payouts": _text(forms.QUANTITY),
    "service_fee_pct": _text(forms.QUANTITY),
    "turnover": _text(forms.QUANTITY),
}
