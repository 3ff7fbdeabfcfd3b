import pytest

from crawlers.licenses import Licence, read_licence

CC = "https://creativecommons.org"


@pytest.mark.parametrize(
    ("words", "licence"),
    [
        (("by-sa", "4.0"), Licence("by-sa", "4.0")),
        (("BY", ""), Licence("by")),
        (("cc-by-nc-nd-3.0",), Licence("by-nc-nd", "3.0")),
        (("CC BY-SA 2.0 fr",), Licence("by-sa", "2.0", "fr")),
        (("cc-by-2.5-scotland",), Licence("by", "2.5", "scotland")),
        (("cc-by-sa-3.0-migrated",), Licence("by-sa", "3.0")),
        (("cc-by-sa-4.0,3.0,2.5,2.0,1.0",), Licence("by-sa", "4.0")),
        (("CC BY-SA 1.0+",), Licence("by-sa", "1.0")),
        (("cc0", "1.0"), Licence("cc0", "1.0")),
        (("CC0",), Licence("cc0", "1.0")),
        (("cc-zero",), Licence("cc0", "1.0")),
        (("pdm", "1.0"), Licence("pdm", "1.0")),
        (("pd",), Licence("pdm")),
        (("PD-US-expired",), Licence("pdm")),
        (("Public domain",), Licence("pdm")),
    ],
)
def test_licences_are_read_as_the_sources_write_them(words, licence):
    assert read_licence(*words) == licence


@pytest.mark.parametrize(
    "text",
    ["", "gfdl", "FAL", "sampling+", "cc-by-nd-nc-1.0", "by-something", "bye", "cc-by-sa-four", "no licence"],
)
def test_what_is_no_known_licence_is_none(text):
    assert read_licence(text) is None


@pytest.mark.parametrize(
    ("licence", "name", "url"),
    [
        (Licence("by-sa", "4.0"), "CC BY-SA 4.0", f"{CC}/licenses/by-sa/4.0/"),
        (Licence("by", "2.0", "fr"), "CC BY 2.0 FR", f"{CC}/licenses/by/2.0/fr/"),
        (Licence("by-nc"), "CC BY-NC", ""),
        (Licence("cc0", "1.0"), "CC0 1.0", f"{CC}/publicdomain/zero/1.0/"),
        (Licence("pdm", "1.0"), "Public Domain Mark 1.0", f"{CC}/publicdomain/mark/1.0/"),
        (Licence("pdm"), "Public domain", ""),
    ],
)
def test_a_licence_has_its_usual_name_and_address(licence, name, url):
    assert (licence.name, licence.url) == (name, url)
