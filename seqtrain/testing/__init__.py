"""Checks that every plug-in of a kind must pass, for those of users too."""
