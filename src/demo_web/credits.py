"""Invented titles, authors and licences for the images of the demo web."""

import random
from dataclasses import dataclass

_FIRST_NAMES = (
    "Ada",
    "Bruno",
    "Chiara",
    "Dele",
    "Edith",
    "Farid",
    "Greta",
    "Hiro",
    "Ines",
    "Jonas",
    "Kemi",
    "Lars",
)
_LAST_NAMES = (
    "Adeyemi",
    "Brandt",
    "Costa",
    "Dvorak",
    "Eriksen",
    "Fontaine",
    "Grimaldi",
    "Haddad",
    "Ito",
    "Jansen",
)
_MEDIA = ("Ink", "Marker", "Gouache", "Digital", "Pencil", "Vector", "Screen print", "Watercolour")
_FORMS = ("study", "poster", "sketch", "panel", "cover", "portrait", "commission", "fan art")
_LICENSES = (
    ("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"),
    ("CC BY-SA 4.0", "https://creativecommons.org/licenses/by-sa/4.0/"),
    ("CC BY-NC 4.0", "https://creativecommons.org/licenses/by-nc/4.0/"),
    ("CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
)


@dataclass(frozen=True)
class Credit:
    """The title, author and licence of an image."""

    title: str
    author: str
    license: str
    license_url: str


NOT_STATED = Credit(title="Untitled", author="not stated", license="not stated", license_url="")
"""The credit of images from a folder."""


def invent_credit(rng: random.Random) -> Credit:
    """Draw a title, an author and a licence that do not reveal the image's subject."""
    title = f"{rng.choice(_MEDIA)} {rng.choice(_FORMS)} no. {rng.randint(1, 400)}"
    author = f"{rng.choice(_FIRST_NAMES)} {rng.choice(_LAST_NAMES)}"
    return Credit(title, author, *rng.choice(_LICENSES))
