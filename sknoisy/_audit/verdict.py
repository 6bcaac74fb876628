"""The verdict of an audit in one sentence, with its interval."""

from __future__ import annotations

from sknoisy._audit.evidence import Evidence
from sknoisy._audit.texts import percent

__all__ = ["verdict_of"]


def verdict_of(evidence: Evidence) -> str:
    """Say how many labels are wrong.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    str
    """
    noise, n_rows = evidence.noise, len(evidence.labels.codes)
    if not evidence.is_informative:
        return "The columns tell nothing about the labels, so nobody can say which are wrong."
    if not evidence.has_noise_rate:
        return f"{noise.n_samples} rows are too few to estimate how many labels are wrong."
    besides = " that are not trusted" if noise.n_trusted else ""
    if noise.rate > 0:
        interval = f"95 % interval {percent(noise.low)} to {percent(noise.high)}"
        n_wrong = round(noise.rate * (n_rows - noise.n_trusted))
        about = "" if besides else f", some {n_wrong:,} of {n_rows:,}"
        return f"About {percent(noise.rate)} of the labels{besides} are wrong ({interval}){about}."
    high = percent(max(noise.high, 0.01))
    return f"No label noise is detected; up to {high} of the labels{besides} may be wrong."
