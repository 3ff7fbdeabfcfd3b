"""Herodex: from two lists to a served image classifier and name generator."""

import os
from typing import TYPE_CHECKING

from herodex.kernels import fix_kernels

if TYPE_CHECKING:
    import herodex.local.models

# Before any module imports NumPy.
fix_kernels()


def load(
    models: str | os.PathLike[str] | None = None, *, bento: str | None = None
) -> "herodex.local.models.Models":
    """Open the models of a project, of a folder or of a bento, to classify images and invent names.

    It needs the extra `serve` alone. Each model is loaded when it is first used.

    Args:
        models: a folder such as `models`; None: that of the project that the working directory is in.
        bento: instead, a bento's tag, such as `herodex:latest`, or its folder.

    Raises:
        UserError: there are no models.

    Example:
        >>> import herodex
        >>> models = herodex.load()
        >>> models.classify("photo.jpg").label
        'batman'
        >>> [each.name for each in models.names(2, seed=1)]
        ['Chatharme', 'Rashosh']
    """
    # `import herodex` stays quick: every stage does it.
    from herodex.local.models import open_models

    return open_models(models, bento)
