"""Hook of the documentation builder: the four kinds of pages in the order one reads them."""

from __future__ import annotations

from typing import Any

SECTIONS = ["Tutorial", "Howto", "Reference", "Explanation"]
TITLES = {"Howto": "How-to"}


def on_nav(nav: Any, **_: Any) -> Any:
    """Order the sections of `nav` and give them their titles; pages stay as the folders have them."""
    nav.items.sort(key=lambda item: SECTIONS.index(item.title) + 1 if item.title in SECTIONS else 0)
    for item in nav.items:
        item.title = TITLES.get(item.title, item.title)
    return nav
