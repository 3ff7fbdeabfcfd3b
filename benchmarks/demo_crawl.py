"""Write the demo web's images and their manifest like a crawl, without crawling."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pandas as pd

from demo_web.faults import Kind, Outcome
from demo_web.images import image_file
from demo_web.truth import PlannedImage
from herodex.params import Params

STATUS = {
    Outcome.HTTP_ERROR: "http_error",
    Outcome.TRUNCATED: "truncated",
    Outcome.NOT_AN_IMAGE: "not_an_image",
    Outcome.DISALLOWED: "refused",
}


def write_crawl(folder: Path, plan: list[PlannedImage], params: Params) -> pd.DataFrame:
    """Write each available image to `folder`; return the manifest with a row for each result."""
    rows = []
    owners = {image.id: image for image in plan if image.kind is not Kind.SHARED}
    for image in plan:
        status, sha256, file = STATUS.get(image.outcome, "ok"), "", ""
        if status == "ok":
            owner = owners.get(image.id) or replace(image, kind=Kind.SOUND)
            data = image_file(owner, params.demo_web.seed)[1]
            sha256 = hashlib.sha256(data).hexdigest()
            file = f"{image.query}/{sha256}.img"
            (folder / image.query).mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(data)
        credit = image.credit
        rows.append(
            {
                "query": image.query,
                "rank": str(image.rank),
                "image_url": image.image_url,
                "page_url": image.page_url,
                "title": credit.title,
                "author": credit.author,
                "license": credit.license,
                "license_url": credit.license_url,
                "status": status,
                "reason": "",
                "sha256": sha256,
                "file": file,
                "label": params.label_of(image.query),
            }
        )
    return pd.DataFrame(rows)
