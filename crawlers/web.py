"""Which web is crawled, and whether the live one may be asked now."""

import os
from pathlib import Path

from herodex.errors import UserError
from herodex.params import Params

DEMO_WEB = "demo"
"""The value of `crawl.web` that stands for the demo web."""
LIVE_WEB = "live"
"""The value of `crawl.web` that stands for the internet."""
CONSENT_VARIABLE = "HERODEX_LIVE"
"""Set to 1 in the environment, it says that the live web may be asked."""


def check_web(params: Params) -> None:
    """Check that `crawl.web` names something that can be crawled.

    Raises:
        UserError: it is neither the demo web, nor the live one, nor a folder with what is asked for; or
            the live web is to be crawled by nobody that its sites could turn to.
    """
    crawl = params.crawl
    if crawl.web == LIVE_WEB:
        if not crawl.contact:
            raise UserError(
                "crawl.web in params.yaml is 'live', and crawl.contact is empty.",
                "Set crawl.contact to an email address or a URL, so that sites know whom to turn to.",
            )
        if "folder" in crawl.images.sources:
            raise UserError(
                "crawl.images.sources in params.yaml is [folder], and crawl.web is 'live'.",
                "Set crawl.web to the folder, or name sources of the live web.",
            )
    elif crawl.web != DEMO_WEB and not Path(crawl.web).is_dir():
        raise UserError(
            f"crawl.web in params.yaml is '{crawl.web}': neither 'demo' nor 'live' nor a folder.",
            "Set it to one of these; a folder has a sub-folder of images for each class and distractor.",
        )
    elif crawl.web == DEMO_WEB and "folder" in crawl.images.sources:
        raise UserError(
            "crawl.images.sources in params.yaml is [folder], and crawl.web is 'demo'.",
            "Set crawl.web to the folder that is to be read.",
        )


def check_folder(params: Params) -> None:
    """Check that a folder that plays the web has a sub-folder for each query.

    Raises:
        UserError: it names those that are missing.
    """
    folder = Path(params.crawl.web)
    if missing := [query for query in params.queries if not (folder / query).is_dir()]:
        raise UserError(
            f"crawl.web is the folder '{folder}', which has no sub-folder for {', '.join(missing)}.",
            f"Put images into {folder / missing[0]}, or take {missing[0]} out of params.yaml.",
        )


def require_consent(stage: str, output: Path) -> None:
    """Check that the live web is not about to be asked by surprise, because some parameter has changed.

    Raises:
        UserError: nobody said that it may; the message says how to, and how to keep what is there.
    """
    if os.environ.get(CONSENT_VARIABLE) != "1":
        raise UserError(
            f"{stage} would crawl the live web, and nobody has asked for that.",
            f"'make refresh' does. To go on with what is in {output}, run 'dvc freeze {stage}'.",
        )
