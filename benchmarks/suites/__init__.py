"""The suites: a module each, with ``rows()``."""
