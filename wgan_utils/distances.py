"""Three classical distances between discrete distributions, and closed forms to check against.

Probabilities are 1-D arrays that sum to 1; entry i of ``p`` and of ``q`` is the mass on the same point i.
Logarithms are natural. None of the three knows how far apart the points lie: that is what ``transport`` adds.

This file imports only numpy, so any function here can be copied on its own together with ``_checked_pair``.
"""

import math

import numpy as np


def _checked_pair(p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both arrays as float64 that sum to exactly 1 (up to rounding), or a ValueError that says what is wrong."""
    pair = []
    for name, law in (("p", p), ("q", q)):
        if np.ma.is_masked(law) or np.iscomplexobj(law):
            raise ValueError(f"{name} must hold real numbers, none masked, found {law!r}")
        law = np.asarray(law, dtype=float)
        if law.ndim != 1 or law.size == 0:
            raise ValueError(f"{name} must be a 1-D array of probabilities, found shape {law.shape}")
        if not (law >= 0).all():
            raise ValueError(f"{name} must be 0 or more everywhere, found {law[~(law >= 0)][0]}")
        if not abs(law.sum() - 1) <= 1e-6:
            raise ValueError(f"{name} must sum to 1 within 1e-6, found a sum of {law.sum():.9g}")
        pair.append(law / law.sum())
    if pair[0].shape != pair[1].shape:
        raise ValueError(f"p and q must be equally long, found {pair[0].size} and {pair[1].size}")
    return pair[0], pair[1]


def total_variation(p: np.ndarray, q: np.ndarray) -> float:
    """The largest difference between the chances that p and q give to one event.

    Args:
        p: (n,), probabilities, sum 1 within 1e-6.
        q: (n,), the same on the same points.

    Returns:
        Between 0 (equal) and 1 (no point in common); half the sum of |p - q|.

    Raises:
        ValueError: p or q is not 1-D, negative, NaN or not normalised, or their lengths differ.

    Source: Arjovsky et al. 2017, section 2 (arXiv:1701.07875).
    """
    p, q = _checked_pair(p, q)
    return min(float(np.abs(p - q).sum() / 2), 1.0)


def kl_divergence(p: np.ndarray, q: np.ndarray) -> float:
    """Mean over p of log(p / q); infinite when p has mass where q has none.

    Args, Raises: as for ``total_variation``.

    Returns:
        Nats, 0 or more, may be ``inf``; not symmetric.

    Source: Arjovsky et al. 2017, section 2 (arXiv:1701.07875).
    """
    p, q = _checked_pair(p, q)
    seen = p > 0  # 0 log 0 = 0
    if (q[seen] == 0).any():
        return math.inf
    return max(float((p[seen] * (np.log(p[seen]) - np.log(q[seen]))).sum()), 0.0)


def js_divergence(p: np.ndarray, q: np.ndarray) -> float:
    """Half of KL(p, m) plus half of KL(q, m), where m = (p + q) / 2 lies midway.

    Args, Raises: as for ``total_variation``.

    Returns:
        Nats, between 0 (equal) and log 2 (no point in common), never infinite; its square root is a metric.

    Source: Arjovsky et al. 2017, section 2, whose displayed formula lacks the 1/2 that its Example 1 (log 2) needs.
    """
    p, q = _checked_pair(p, q)
    middle = (p + q) / 2
    seen = middle > 0  # a point where neither has mass counts for nothing
    both = kl_divergence(p[seen], middle[seen]) + kl_divergence(q[seen], middle[seen])
    return min(both / 2, math.log(2))


def parallel_lines_distances(theta: float) -> dict[str, float]:
    """The four distances between (0, U) and (theta, U), U uniform on [0, 1]: only W1 depends on how far apart they are.

    Args:
        theta: distance between the two vertical lines, either sign, data units.

    Returns:
        Keys ``"W1"`` (data units), ``"JS"``, ``"KL"`` (nats, the same both ways) and ``"TV"``.

    Raises:
        ValueError: ``theta`` is not finite.

    Source: Arjovsky et al. 2017, Example 1 (arXiv:1701.07875).
    """
    _check_finite(theta)
    if theta == 0:
        return {"W1": 0.0, "JS": 0.0, "KL": 0.0, "TV": 0.0}
    return {"W1": abs(float(theta)), "JS": math.log(2), "KL": math.inf, "TV": 1.0}


def _check_finite(*numbers: float) -> None:
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"expected finite numbers, found {', '.join(map(str, numbers))}")


def gaussian_w1(mean_p: float, std_p: float, mean_q: float, std_q: float) -> float:
    """W1 between two normal laws on the line: E|Y|, Y normal with the difference of means and of standard deviations.

    On the line the monotone coupling is optimal: x = mean_p + std_p z goes to mean_q + std_q z with the same z.

    Args:
        mean_p, mean_q: data units.
        std_p, std_q: 0 or more, data units; 0 is a point mass.

    Returns:
        Data units.

    Raises:
        ValueError: a standard deviation is negative, or a number is not finite.

    Source: Villani 2003, Remark 2.19 (ii), for the coupling; E|Y| is the mean of a folded normal.
    """
    if not (std_p >= 0 and std_q >= 0):
        raise ValueError(f"std_p and std_q must be 0 or more, found {std_p} and {std_q}")
    _check_finite(mean_p, std_p, mean_q, std_q)
    mean_p, std_p, mean_q, std_q = map(float, (mean_p, std_p, mean_q, std_q))
    shift, spread = abs(mean_p - mean_q), abs(std_p - std_q)
    if spread == 0:
        return shift
    z = shift / spread
    return spread * math.sqrt(2 / math.pi) * math.exp(-z * z / 2) + shift * math.erf(z / math.sqrt(2))


def gaussian_kl(mean_p: float, std_p: float, mean_q: float, std_q: float) -> float:
    """KL from one normal law on the line to another, in nats; (mean_p - mean_q)^2 / 2 when both deviations are 1.

    Args:
        mean_p, mean_q: data units.
        std_p, std_q: more than 0, data units.

    Raises:
        ValueError: a standard deviation is not more than 0, or a number is not finite.

    Source: calculus (the mean over p of the difference of two log densities).
    """
    if not (std_p > 0 and std_q > 0):
        raise ValueError(f"std_p and std_q must be more than 0, found {std_p} and {std_q}")
    _check_finite(mean_p, std_p, mean_q, std_q)
    mean_p, std_p, mean_q, std_q = map(float, (mean_p, std_p, mean_q, std_q))
    excess, shift = (std_p - std_q) / std_q, (mean_p - mean_q) / std_q
    log_ratio = math.log1p(excess) if excess > -0.5 else math.log(std_p / std_q)  # exact for close laws, and far ones
    return excess - log_ratio + excess * excess / 2 + shift * shift / 2


def gaussian_tv(d: float) -> float:
    """Total variation between N(0, 1) and N(d, 1): 2 Phi(|d| / 2) - 1, as the densities cross once, half way.

    Args:
        d: difference of the means, either sign, in standard deviations.

    Source: calculus; Phi is the normal distribution function.
    """
    return math.erf(abs(d) / math.sqrt(8))
