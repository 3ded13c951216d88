"""Altur outbound campaigns as YAML in git: load, diff, patch, plan, apply."""

__version__ = "0.1.0"
