"""Configurations of other programs, and YAML and TOML, into operations; knows no kernel and no rules."""
