"""Imported before any test module, so that collecting the packages' doctests finds them whole."""

import autograd_core  # noqa: F401
import nn  # noqa: F401
import optim  # noqa: F401
