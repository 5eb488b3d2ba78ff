"""Experiments that show the engine at work; ``python -m autograd_core demo`` runs them."""
