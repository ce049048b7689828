"""A page that draws a likelihood in any browser, without a network: planes, profiles, counts."""

from scanengine.explorer.page import page, payload

__all__ = ["page", "payload"]
