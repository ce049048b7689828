"""The report's plain text with symbols, isotopes and powers set as they are printed."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from scanengine import errors
from scanengine.explorer.typeset import html
from scanengine.inputs.parameters import PARAMETERS

_FAMILIES = {"e": "e", "m": "μ", "t": "τ", "mu": "μ", "tau": "τ"}
_FLAVOUR = r"(?:e|mu|tau)"
_ELEMENTS = "Ne|Ar|Ge|Xe|Cs|I|Si|Ca|O|C|Na|Pb|U|Pu|F|Li|W"
_NAMES = "|".join(sorted(map(re.escape, PARAMETERS), key=len, reverse=True))
_TOKEN = re.compile(
    rf"(?<![\w{{.-])(?P<name>{_NAMES})(?!\w)"
    r"|(?<![\w{.-])eps_(?P<pair>ee|mm|tt|em|et|mt)(?:_(?P<quark>[udeq][VAPLR]))?(?!\w)"
    r"|(?<![\w{.-])eps_(?P<alone>[udeq]?[VAPLR])(?!\w)"
    rf"|(?<![\w{{.-])nu_(?P<flavour>{_FLAVOUR})(?P<bar>bar)?(?!\w)"
    r"|(?<![\w{.-])mu_B(?P<magneton>)(?!\w)"
    r"|(?<![\w{.-])(?P<delta>Delta |delta_)?chi2(?!\w)(?P<chi>)"
    rf"|(?<![\w.,-])(?P<mass>\d{{1,3}})(?P<element>{_ELEMENTS})(?![\w.])"
    r"|(?<![\w.])10\^(?P<power>[-−]?\d+)"
    r"|(?<=cm)\^2(?P<square>)"
    # as TeX has it: a letter with an index, and perhaps something raised
    r"|(?<![A-Za-z_])(?P<letter>[A-Za-zα-ωΑ-Ω][\u0304\u0305]?)_(?P<below>[A-Za-zα-ωΑ-Ω0-9]+)(?:\^(?P<above>[A-Za-z0-9]+))?(?!\w)"
)


def typeset(text: object) -> Markup:
    """Return text as HTML: names of parameters and flavours as symbols, 20Ne, 10^-10 and cm^2 with raised numbers."""
    return Markup(_TOKEN.sub(_set, str(escape(errors.on_lines(str(text))))))


def _set(found: re.Match[str]) -> str:
    each = found.groupdict()
    if each["name"]:
        return html(PARAMETERS[each["name"]].symbol)
    if each["pair"]:
        families = "".join(_FAMILIES[letter] for letter in each["pair"])
        return f"ε<sub>{families}</sub>" + (f"<sup>{each['quark']}</sup>" if each["quark"] else "")
    if each["alone"]:
        return f"ε<sup>{each['alone']}</sup>"
    if each["flavour"]:
        bar = "\N{COMBINING OVERLINE}" if each["bar"] else ""
        return f"ν{bar}<sub>{_FAMILIES[each['flavour']]}</sub>"
    if each["magneton"] is not None:
        return "μ<sub>B</sub>"
    if each["chi"] is not None:
        return ("Δ" if each["delta"] else "") + "χ<sup>2</sup>"
    if each["letter"]:
        return f"{each['letter']}<sub>{each['below']}</sub>" + (f"<sup>{each['above']}</sup>" if each["above"] else "")
    if each["mass"]:
        return f"<sup>{each['mass']}</sup>{each['element']}"
    return "<sup>2</sup>" if each["square"] is not None else f"10<sup>{each['power'].replace('-', '−')}</sup>"
