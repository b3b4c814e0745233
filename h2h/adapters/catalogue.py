"""The catalogues of sentences in other languages than English."""

from __future__ import annotations

import gettext

from h2h import resources
from h2h.core.words import Translate
from h2h.errors import ConfigError

ENGLISH = "en"


def languages() -> tuple[str, ...]:
    """The languages there are: English, in which all is written, and those of the catalogues."""
    folders = (path.parents[1].name for path in resources.find("locale").glob("*/*/h2h.mo"))
    return (ENGLISH, *sorted(folders))


def translator(language: str) -> Translate:
    """How a template is said in `language`; in English where its catalogue lacks it.

    Raises ConfigError when there is no such language.
    """
    if language == ENGLISH:
        return str
    if language not in languages():
        raise ConfigError(
            f"there is no catalogue for the language {language!r}",
            f"Choose one of {', '.join(languages())}.",
        )
    return gettext.translation("h2h", resources.find("locale"), [language]).gettext
