"""`h2h console`: the operators' page."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--host", default="127.0.0.1", help="The address to listen on.")
@click.option("--port", default=8330, type=click.IntRange(0, 65535), help="0: any free one.")
@click.option("--certificate", type=click.Path(exists=True, path_type=Path), help="For TLS (PEM).")
@click.option("--key", type=click.Path(exists=True, path_type=Path), help="Its private key (PEM).")
@click.pass_obj
def console(
    path: Path, *, host: str, port: int, certificate: Path | None, key: Path | None
) -> None:
    """Serve the operators' page, beside the daemon or without it."""
    from h2h.adapters.journal import Journal  # noqa: PLC0415 - heavy
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.console.serve import serve  # noqa: PLC0415 - heavy
    from h2h.pace import keep_to_ourselves  # noqa: PLC0415 - ctypes takes a while
    from h2h.wiring import wire  # noqa: PLC0415 - heavy

    keep_to_ourselves()
    with wire(load(path), Journal()) as services:
        serve(services, host, port, certificate=certificate, key=key, tell=click.echo)
