"""Checks for the exercises: ``check_x(my_x)`` answers "not attempted yet", "correct", or names the likely mistake.

A theme is imported when one of its checks is: those of notebooks 01 to 04, and of formulas, need no torch.
"""

from importlib import import_module

THEMES = {
    "distances": ("total_variation", "kl_divergence", "js_divergence", "theta_step", "chi_squared", "best_shift"),
    "transport": ("plan_cost", "w1_line", "w1_circle", "sinkhorn_step", "best_theta"),
    "duality": ("c_transform", "slack", "lower_bound", "upper_form", "scaled_bound"),
    "gans": (
        "optimal_discriminator",
        "js_from_loss",
        "saturating_gradient",
        "density_ratio",
        "tv_bound",
        "bounded_gradient",
    ),
    "critics": ("critic_loss", "certified_estimate", "operator_norm", "ray_cosine", "bracket", "residual_bound"),
    "formulas": (
        "bound_by_hand",
        "penalised_estimate",
        "least_lambda",
        "w1_from_log",
        "best_scale",
        "wrong_axis_slope",
        "best_slope",
        "critic_step_count",
        "epochs",
        "falling_rate",
        "grey_levels",
    ),
    "clipping": ("clip_", "linear_estimate", "share_at_limit", "clip_for_slope", "plane_estimate"),
    "penalty": ("points_between", "gradient_penalty", "one_sided_penalty"),
    "bugs": ("fix_penalty", "find_the_bug"),
    "beyond": (
        "exact_direction",
        "alternating_matrix",
        "largest_step",
        "block_reflector",
        "shrunk_pair",
        "exact_velocity",
    ),
    "wider": ("bytes_sent", "silent_fault", "average_gradient", "accumulated_gradient", "scaled_lr"),
    "images": ("latent_walk", "rank_correlation", "images_from_folder", "critic_for"),
}
THEME_OF = {f"check_{name}": theme for theme, names in THEMES.items() for name in names}
__all__ = sorted(THEME_OF)


def __getattr__(name: str):
    """The check of this name, made from its exercise at the first use."""
    if name not in THEME_OF:
        raise AttributeError(f"module {__name__!r} has no check {name!r}; it has {', '.join(__all__)}")
    exercise = getattr(import_module(f"{__name__}.{THEME_OF[name]}"), name.removeprefix("check_"))
    judge = import_module(f"{__name__}.answer").judge

    def check(my_answer) -> str:
        return judge(exercise, my_answer)

    check.__name__ = check.__qualname__ = name
    check.__doc__ = exercise.task
    globals()[name] = check
    return check


def __dir__() -> list[str]:
    return [*globals(), *__all__]
