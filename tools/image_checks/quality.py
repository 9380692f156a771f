"""Is a picture sharp, is there anything on it?"""

from dataclasses import dataclass

import numpy as np
from PIL import Image as Pictures

_SIDE = 512
_EVEN = 2.0


@dataclass(frozen=True)
class Quality:
    """How a picture looks.

    Attributes:
        sharpness: variance of the Laplacian of its grey levels at 512 pixels (Pech-Pacheco et al. 2000, "Diatom
            autofocusing in brightfield microscopy"); low is blurred.
        blank: whether it is one even colour.
    """

    sharpness: float
    blank: bool


def quality_of(pixels: Pictures.Image) -> Quality:
    """Measure an RGB picture, at one size so that pictures compare."""
    small = pixels.copy()
    small.thumbnail((_SIDE, _SIDE))
    colours = np.asarray(small, dtype=np.float32)
    grey = np.asarray(small.convert("L"), dtype=np.float32)
    blank = bool(colours.std(axis=(0, 1)).max() < _EVEN)
    if min(grey.shape) < 3:  # noqa: PLR2004 - the Laplacian needs a neighbour on each side
        return Quality(0.0, blank)
    centre = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * centre
    return Quality(float(laplacian.var()), blank)
