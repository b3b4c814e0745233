"""config.toml: `load` gives frozen models, or one error that names every problem and its place."""

from h2h.config.findings import ConfigProblems, Finding
from h2h.config.loading import load
from h2h.config.models import (
    Account,
    Bank,
    Config,
    CutOff,
    Door,
    Download,
    Folder,
    Limit,
    Pgp,
    Sftp,
    Timeouts,
    Upload,
    Workspace,
)
from h2h.config.secret import Secret

__all__ = [
    "Account",
    "Bank",
    "Config",
    "ConfigProblems",
    "CutOff",
    "Door",
    "Download",
    "Finding",
    "Folder",
    "Limit",
    "Pgp",
    "Secret",
    "Sftp",
    "Timeouts",
    "Upload",
    "Workspace",
    "load",
]
