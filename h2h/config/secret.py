"""A reference to a secret: config.toml says where it is, never what it is."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from h2h.errors import ConfigError

CREDENTIALS = "CREDENTIALS_DIRECTORY"  # set by systemd's LoadCredential= and SetCredential=


@dataclass(frozen=True, slots=True)
class Secret:
    """`cred:NAME` (a systemd credential), `file:PATH` or `env:NAME`; read when needed, not kept."""

    kind: str  # cred | file | env
    name: str
    base: Path = field(repr=False)  # the folder of config.toml

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def path(self) -> Path | None:
        """The file that holds it; None for a variable, or a credential outside of systemd."""
        if self.kind == "file":
            return self.base / self.name
        folder = os.environ.get(CREDENTIALS)
        return Path(folder) / self.name if self.kind == "cred" and folder else None

    def read(self) -> str:
        """The secret without the line end that editors add; raises ConfigError when there is none.

        It is read anew each time, so that a renewed key needs no restart.
        """
        text = os.environ.get(self.name, "") if self.kind == "env" else self._file_text()
        if not text:
            raise ConfigError(f"the secret {self} is empty or missing", self.remedy)
        return text

    @property
    def remedy(self) -> str:
        """Where to put it."""
        match self.kind:
            case "cred":
                unit = f"LoadCredential={self.name}:PATH"
                return f"Name it in the service's unit ({unit}), or use file: when run by hand"
            case "env":
                return f"Set the environment variable {self.name} for the service"
            case _:
                return f"Put it into {self.path}, readable by its owner alone (chmod 600)"

    def _file_text(self) -> str:
        if self.path is None:
            raise ConfigError(f"the secret {self} needs ${CREDENTIALS}", self.remedy)
        try:
            return self.path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            # the text of a decoding error would quote the bytes
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"the secret {self} cannot be read: {why}", self.remedy)
