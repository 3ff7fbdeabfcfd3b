"""Plan every result of every search: the demo web's ground truth, a pure function of the parameters.

The site serves this plan; apart from it, only tests and benchmarks read it. Pages and URLs do not reveal it.
"""

import hashlib
import random
from dataclasses import dataclass, replace
from pathlib import Path

from demo_web import hosts
from demo_web.credits import NOT_STATED, Credit, invent_credit
from demo_web.faults import DUPLICATES, WITHOUT_SUBJECT, Kind, Outcome, allot, outcome
from herodex.errors import UserError
from herodex.params import Params

DEMO = "demo"
"""The value of `crawl.web` for drawn images; any other value is a folder of images."""

_EXTENSIONS = {
    Kind.WEBP: ".webp",
    Kind.PALETTE_PNG: ".png",
    Kind.ALPHA_PNG: ".png",
    Kind.BOMB: ".png",
    Kind.PIXEL: ".png",
    Kind.ANIMATED_GIF: ".gif",
}


@dataclass(frozen=True)
class PlannedImage:
    """One result of a search and its ground truth.

    Attributes:
        id: an opaque identifier, unique except for SHARED results, which have that of the shared result.
        query: the search.
        rank: the place in the search, from 1.
        image_url: the address of the image.
        page_url: the address of the page about it.
        credit: its title, author and licence.
        subject: the query that the image shows, "" if it shows none.
        kind: sound, or the fault.
        original: the id of the result that this one duplicates or shares, "" if there is none.
        outcome: the result for a client that retries and follows robots.txt.
        file: the file of an image from a folder.
    """

    id: str
    query: str
    rank: int
    image_url: str
    page_url: str
    credit: Credit
    subject: str
    kind: Kind
    original: str
    outcome: Outcome
    file: Path | None = None


def plan_web(params: Params) -> list[PlannedImage]:
    """Plan every result of every search, ordered by query (classes, then distractors) and rank.

    Raises:
        UserError: `crawl.web` is a missing folder.
    """
    queries = params.classes + params.distractors
    if params.crawl.web == DEMO:
        plans = {query: _plan_drawn(query, queries, params) for query in queries}
        return [image for query in queries for image in _resolve_shared(query, plans, params)]
    folder = Path(params.crawl.web)
    if not folder.is_dir():
        raise UserError(
            f"crawl.web in params.yaml is '{folder}', which is not a folder.",
            f"Set it to '{DEMO}' or to a folder with one sub-folder of images for each query.",
        )
    return [image for query in queries for image in _plan_files(folder, query, params)]


def _plan_drawn(query: str, queries: list[str], params: Params) -> list[PlannedImage]:
    demo = params.demo_web
    count = max(demo.results_per_query, params.crawl.images.per_query)
    shares = {Kind(key): share for key, share in demo.shares.model_dump().items()}
    kinds = allot(shares, count, queries.index(query))
    rng = random.Random(f"{demo.seed}/plan/{query}")
    rng.shuffle(kinds)
    ids = [_opaque_id(f"{demo.seed}/{query}/{rank}") for rank in range(1, count + 1)]
    originals = [id_ for id_, kind in zip(ids, kinds, strict=True) if kind is Kind.SOUND]
    others = [other for other in queries if other != query]
    plan: list[PlannedImage] = []
    for rank, (id_, kind) in enumerate(zip(ids, kinds, strict=True), start=1):
        place, host = _place(rng, demo.image_hosts, private=kind is Kind.DISALLOWED)
        subject = rng.choice(others) if kind in {Kind.WRONG_SUBJECT, Kind.SHARED} else query
        plan.append(
            PlannedImage(
                id=id_,
                query=query,
                rank=rank,
                image_url=f"http://{host}/{place}/{id_}{_EXTENSIONS.get(kind, '.jpg')}",
                page_url=f"http://{host}/works/{id_}",
                credit=invent_credit(rng),
                subject="" if kind in WITHOUT_SUBJECT else subject,
                kind=kind,
                original=rng.choice(originals) if kind in DUPLICATES else "",
                outcome=outcome(kind),
            )
        )
    return plan


def _resolve_shared(query: str, plans: dict[str, list[PlannedImage]], params: Params) -> list[PlannedImage]:
    rng = random.Random(f"{params.demo_web.seed}/shared/{query}")
    resolved: list[PlannedImage] = []
    for image in plans[query]:
        if image.kind is not Kind.SHARED:
            resolved.append(image)
            continue
        shared = rng.choice([other for other in plans[image.subject] if other.kind is Kind.SOUND])
        resolved.append(replace(shared, query=query, rank=image.rank, kind=Kind.SHARED, original=shared.id))
    return resolved


def _plan_files(folder: Path, query: str, params: Params) -> list[PlannedImage]:
    directory = folder / query
    files = sorted(directory.iterdir(), key=lambda file: file.name) if directory.is_dir() else []
    files = [file for file in files if file.is_file() and not file.name.startswith(".")]
    plan: list[PlannedImage] = []
    for rank, file in enumerate(files, start=1):
        id_ = _opaque_id(f"{query}/{file.name}")
        place, host = _place(random.Random(id_), params.demo_web.image_hosts, private=False)
        plan.append(
            PlannedImage(
                id=id_,
                query=query,
                rank=rank,
                image_url=f"http://{host}/{place}/{id_}{file.suffix.lower()}",
                page_url=f"http://{host}/works/{id_}",
                credit=NOT_STATED,
                subject=query,
                kind=Kind.SOUND,
                original="",
                outcome=Outcome.OK,
                file=file,
            )
        )
    return plan


def _opaque_id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _place(rng: random.Random, image_hosts: int, *, private: bool) -> tuple[str, str]:
    return "private" if private else "images", hosts.gallery(rng.randint(1, image_hosts))
