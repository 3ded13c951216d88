"""Test support: servers, processes, generated campaigns, imitations of other services."""
