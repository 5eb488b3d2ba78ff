"""This project beside PyTorch: ``python -m benchmarks``.

Each subject runs in a worker process of its own, the two take turns, their outputs are compared before anything is
timed, and what is reported is the ratio pair by pair: absolute times on a shared machine say little.
"""
