"""Bad and good input by area, for tests/test_corpus.py.

Each module has ``BAD``, calls that must be refused, and ``GOOD``, calls that must be accepted.
"""
