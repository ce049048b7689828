"""Other spellings of parameters and flavours: eps_mumu_uV is eps_mm_uV, nu_mu_bar is nu_mubar."""

from __future__ import annotations

import re

from scanengine.inputs.flavours import pair

_FAMILY = "(e|mu|m|tau|t)"
_PAIR = re.compile(rf"(eps)_{_FAMILY}{_FAMILY}(_[udse][VA])|(r2)_{_FAMILY}{_FAMILY}")
_BAR = re.compile(r"(?<![a-zA-Z])nu_?(e|mu|tau)_bar(?![a-zA-Z])|(?<![a-zA-Z])anti_?nu_?(e|mu|tau)(?![a-zA-Z])")


def canonical(name: str) -> str:
    """Return a parameter's or a flavour's name as it is spelt here; any other as it is."""
    name = _BAR.sub(lambda found: f"nu_{found[1] or found[2]}bar", name)
    families = _PAIR.fullmatch(name)
    if families is None:
        return name
    what, first, second, rest = families.groups()[:4] if families[1] else (*families.groups()[4:], "")
    return f"{what}_{pair(first[0], second[0])}{rest}"
