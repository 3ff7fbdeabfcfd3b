"""`herodex names`: invent names, without a server."""

import json
import logging
import sys
from dataclasses import asdict

from herodex.local.models import Models, random_seed

log = logging.getLogger(__name__)


def invent(
    models: Models, count: int, temperature: float, seed: int | None, prefix: str, as_json: bool
) -> None:
    """Print invented names, one per line, or the service's answer as JSON.

    Raises:
        UserError: an argument is out of bounds, too few names satisfy them, or there is no generator.
    """
    chosen = random_seed() if seed is None else seed
    names = models.names(count, temperature=temperature, seed=chosen, prefix=prefix)
    if as_json:
        answer = {"names": [asdict(name) for name in names], "seed": chosen}
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
        return
    sys.stdout.write("".join(f"{name.name}\n" for name in names))
    if seed is None:
        log.info("--seed %d gives these names again", chosen)
