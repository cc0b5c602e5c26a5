"""Which pages the site has, in the order of its menu."""

from __future__ import annotations

# A head of the menu, and the pages below it: their names in docs/ without the ending, and what the menu calls
# them. `reference/...` and `changelog` are made by tools/site/build.py.
MENU: dict[str, dict[str, str]] = {
    "Begin": {
        "install": "Install",
        "first-minutes": "The first ten minutes",
        "commands": "All that is new, in one view",
        "replacing-ipvsadm": "Replacing ipvsadm",
    },
    "The table": {
        "apply": "diff, plan, apply, undo",
        "watch": "watch: follow a file",
        "drain": "drain, undrain, weight",
        "convert": "convert: other forms",
        "boot": "The table at boot",
        "packages": "Packages",
    },
    "See what happens": {
        "stats": "stats: numbers over time",
        "live": "Live counters",
        "top": "top: a live screen",
        "connections": "Connections",
        "exporter": "exporter: metrics",
        "monitoring": "Prometheus and Grafana",
        "json": "JSON and CSV",
    },
    "Python": {
        "api": "The API",
        "recipes": "Recipes",
        "reference/ipvs": "Reference: Ipvs",
        "reference/values": "Reference: values",
        "reference/changes": "Reference: plans and drains",
        "reference/numbers": "Reference: numbers over time",
        "reference/connections": "Reference: connections",
        "reference/functions": "Reference: rules",
        "reference/errors": "Reference: errors",
        "reference/words": "Reference: annotations",
    },
    "To know": {
        "performance": "Performance",
        "kernels": "Kernels",
        "differences": "Differences from ipvsadm",
        "security": "Security",
        "changelog": "Changelog",
    },
}

# The pages of the reference: title, and which modules of the package have its names.
REFERENCE: dict[str, tuple[str, tuple[str, ...]]] = {
    "ipvs": ("The table: Ipvs", ("client",)),
    "values": ("Values", ("model.", "kernel.")),
    "changes": ("Plans, drains and watches", ("changes.", "plans.", "drains.", "history.", "watch.")),
    "numbers": ("Numbers over time", ("stats.",)),
    "connections": ("The connection table", ("connections.",)),
    "functions": ("Rules and other forms", ("files", "foreign.", "rules")),
    "errors": ("Errors", ("errors",)),
    "words": ("Annotations", ("model.types",)),
}


def reference_of(home: str) -> str:
    """The page of the reference for what is defined in this module of the package."""
    found = [page for page, (_, modules) in REFERENCE.items() if home.startswith(modules)]
    if not found:
        raise ValueError(f"tools/site/pages.py: no page of the reference has names of {home}")
    return found[-1]  # `words` has a part of what `values` would have
