"""What this plugin offers, by name; nothing is imported until it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isocortex.plugins.markers import hookimpl

if TYPE_CHECKING:
    from isocortex.plugins.spec import Register

STEPS: dict[str, tuple[str, str]] = {
    "reconstruct_images": (
        "steps.reconstructing:reconstruct_images",
        "images whose features come close to decoded (or true) ones",
    ),
    "generate_images": ("steps.reconstructing:generate_images", "images from decoded latents of a generator"),
}
"""Step -> where its function is, and what it does."""


@hookimpl
def register_reconstructors(register: Register) -> None:
    register(
        "feature-inversion",
        "isocortex_reconstruction.inversion:FeatureInversion",
        summary="pixels or latents by descent, L-BFGS or Adam, until features fit (Shen et al. 2019)",
    )


@hookimpl
def register_steps(register: Register) -> None:
    for name, (place, summary) in STEPS.items():
        register(name, f"isocortex_reconstruction.{place}", summary=summary)
