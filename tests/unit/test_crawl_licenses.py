import pytest

from crawlers.licenses import License, read_license

CC = "https://creativecommons.org"


@pytest.mark.parametrize(
    ("words", "license"),
    [
        (("by-sa", "4.0"), License("by-sa", "4.0")),
        (("BY", ""), License("by")),
        (("cc-by-nc-nd-3.0",), License("by-nc-nd", "3.0")),
        (("CC BY-SA 2.0 fr",), License("by-sa", "2.0", "fr")),
        (("cc-by-2.5-scotland",), License("by", "2.5", "scotland")),
        (("cc-by-sa-3.0-migrated",), License("by-sa", "3.0")),
        (("cc-by-sa-4.0,3.0,2.5,2.0,1.0",), License("by-sa", "4.0")),
        (("CC BY-SA 1.0+",), License("by-sa", "1.0")),
        (("cc0", "1.0"), License("cc0", "1.0")),
        (("CC0",), License("cc0", "1.0")),
        (("cc-zero",), License("cc0", "1.0")),
        (("pdm", "1.0"), License("pdm", "1.0")),
        (("pd",), License("pdm")),
        (("PD-US-expired",), License("pdm")),
        (("Public domain",), License("pdm")),
    ],
)
def test_licenses_are_read_in_all_spellings(words, license):
    assert read_license(*words) == license


@pytest.mark.parametrize(
    "text",
    ["", "gfdl", "FAL", "sampling+", "cc-by-nd-nc-1.0", "by-something", "bye", "cc-by-sa-four", "no licence"],
)
def test_unknown_license_is_none(text):
    assert read_license(text) is None


@pytest.mark.parametrize(
    ("license", "name", "url"),
    [
        (License("by-sa", "4.0"), "CC BY-SA 4.0", f"{CC}/licenses/by-sa/4.0/"),
        (License("by", "2.0", "fr"), "CC BY 2.0 FR", f"{CC}/licenses/by/2.0/fr/"),
        (License("by-nc"), "CC BY-NC", ""),
        (License("cc0", "1.0"), "CC0 1.0", f"{CC}/publicdomain/zero/1.0/"),
        (License("pdm", "1.0"), "Public Domain Mark 1.0", f"{CC}/publicdomain/mark/1.0/"),
        (License("pdm"), "Public domain", ""),
    ],
)
def test_license_has_its_usual_name_and_url(license, name, url):
    assert (license.name, license.url) == (name, url)
