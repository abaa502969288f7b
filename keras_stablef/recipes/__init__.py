"""Functions of several tensors over the ops of the catalogue.

    import keras_stablef as ks

    ks.recipes.box_cox(x, lmbda)           # right at lmbda = 0, too

What a formula of one variable does not give (docs/recipes.md).  The value
and each partial derivative have a formula of their own near the line where
the textbook's cancels; how far off they are is measured, not proved.
"""

from __future__ import annotations

from .densities import discretized_logistic_log_prob
from .densities import truncated_normal_log_prob
from .deviances import bernoulli_deviance
from .deviances import gamma_deviance
from .deviances import negative_binomial_deviance
from .deviances import poisson_deviance
from .deviances import tweedie_deviance
from .differences import exp_divided_difference
from .differences import log_sub_exp
from .differences import logarithmic_mean
from .extremes import gev_cdf
from .extremes import gev_log_prob
from .extremes import gev_quantile
from .extremes import gpd_cdf
from .extremes import gpd_log_prob
from .extremes import gpd_quantile
from .rates import vasicek_duration
from .rates import vasicek_log_price
from .transforms import box_cox
from .transforms import box_cox_inverse
from .transforms import yeo_johnson
from .transforms import yeo_johnson_inverse

__all__ = [
    "bernoulli_deviance",
    "box_cox",
    "box_cox_inverse",
    "discretized_logistic_log_prob",
    "exp_divided_difference",
    "gamma_deviance",
    "gev_cdf",
    "gev_log_prob",
    "gev_quantile",
    "gpd_cdf",
    "gpd_log_prob",
    "gpd_quantile",
    "log_sub_exp",
    "logarithmic_mean",
    "negative_binomial_deviance",
    "poisson_deviance",
    "truncated_normal_log_prob",
    "tweedie_deviance",
    "vasicek_duration",
    "vasicek_log_price",
    "yeo_johnson",
    "yeo_johnson_inverse",
]
