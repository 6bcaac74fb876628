"""Ensembles of any classifiers that are right under label noise."""

from sknoisy.ensemble.opinion_pool import OpinionPoolClassifier

__all__ = ["OpinionPoolClassifier"]
