"""The embedded web's pictures as a crawl would leave them, without the crawl: files, and their manifest."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pandas as pd

from demo_web.faults import Kind, Outcome
from demo_web.images import picture_file
from demo_web.truth import PlannedPicture
from herodex.params import Params

STATUS = {
    Outcome.HTTP_ERROR: "http_error",
    Outcome.TRUNCATED: "truncated",
    Outcome.NOT_AN_IMAGE: "not_an_image",
    Outcome.DISALLOWED: "refused",
}


def write_crawl(folder: Path, plan: list[PlannedPicture], params: Params) -> pd.DataFrame:
    """Write each picture that can be had to `folder`; returns the crawl's manifest, a row for each result."""
    rows = []
    owners = {picture.id: picture for picture in plan if picture.kind is not Kind.SHARED}
    for picture in plan:
        status, sha256, file = STATUS.get(picture.outcome, "ok"), "", ""
        if status == "ok":
            owner = owners.get(picture.id) or replace(picture, kind=Kind.SOUND)
            data = picture_file(owner, params.demo_web.seed)[1]
            sha256 = hashlib.sha256(data).hexdigest()
            file = f"{picture.query}/{sha256}.img"
            (folder / picture.query).mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(data)
        credit = picture.credit
        rows.append(
            {
                "query": picture.query,
                "rank": str(picture.rank),
                "picture_url": picture.picture_url,
                "page_url": picture.page_url,
                "title": credit.title,
                "author": credit.author,
                "licence": credit.licence,
                "licence_url": credit.licence_url,
                "status": status,
                "reason": "",
                "sha256": sha256,
                "file": file,
                "label": params.label_of(picture.query),
            }
        )
    return pd.DataFrame(rows)
