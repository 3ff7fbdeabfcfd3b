"""Which web is crawled, and whether the live web may be crawled now."""

import os
from pathlib import Path

from herodex import paths
from herodex.errors import UserError
from herodex.params import Params

DEMO_WEB = "demo"
"""The value of `crawl.web` that stands for the demo web."""
LIVE_WEB = "live"
"""The value of `crawl.web` that stands for the internet."""
CONSENT_VARIABLE = "HERODEX_LIVE"
"""The environment variable that allows a crawl of the live web when it is 1."""


def check_web(params: Params) -> None:
    """Check that `crawl.web` names a web that can be crawled.

    Raises:
        UserError: it is neither the demo web, nor the live web, nor a folder; it does not fit
            `crawl.images.sources`; or the live web is to be crawled without a contact.
    """
    crawl = params.crawl
    if crawl.web == LIVE_WEB:
        if not crawl.contact:
            raise UserError(
                "crawl.web in params.yaml is 'live', and crawl.contact is empty.",
                "Set crawl.contact to an email address or a URL, so that sites can reach you.",
            )
        if "folder" in crawl.images.sources:
            raise UserError(
                "crawl.images.sources in params.yaml is [folder], and crawl.web is 'live'.",
                "Set crawl.web to the folder, or name sources of the live web.",
            )
    elif crawl.web != DEMO_WEB and not Path(crawl.web).is_dir():
        _check_experiment(crawl.web)
        raise UserError(
            f"crawl.web in params.yaml is '{crawl.web}': neither 'demo' nor 'live' nor a folder.",
            "Set it to one of these. A folder needs a sub-folder of images for each class and distractor.",
        )
    elif crawl.web == DEMO_WEB and "folder" in crawl.images.sources:
        raise UserError(
            "crawl.images.sources in params.yaml is [folder], and crawl.web is 'demo'.",
            "Set crawl.web to the folder to read.",
        )


def _check_experiment(web: str) -> None:
    """Check that a missing folder is not one that an experiment's copy of the project lacks.

    Raises:
        UserError: it is.
    """
    in_project = (paths.PROJECT / web).resolve()
    if in_project.is_dir():
        raise UserError(
            f"crawl.web in params.yaml is '{web}', which 'dvc exp run' with --queue or --temp does not copy.",
            f"Set it to {in_project}, track the folder with 'git add', or run the experiment without these.",
        )


def may_crawl_live() -> bool:
    """Tell whether the user allowed a crawl of the live web, as `make refresh` does."""
    return os.environ.get(CONSENT_VARIABLE) == "1"
