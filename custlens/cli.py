"""The command line: each command calls one public function of custlens and prints what comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from custlens.errors import CustlensError

if TYPE_CHECKING:
    from custlens.store.sync import Mode

__all__ = ["main"]


class _Group(click.Group):
    """A group of commands that shows an error of custlens as one sentence, not as a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CustlensError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="custlens")
def main() -> None:
    """Who are this shop's customers, what are they worth, and who is slipping away?"""


def demo_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that choose a demo shop."""
    for option in (
        click.option("--seed", default=7, show_default=True, help="Seed of the generated shop."),
        click.option(
            "--customers", default=5_000, show_default=True, type=click.IntRange(0), help="Size of the generated shop."
        ),
        click.option(
            "--data",
            default="generated",
            show_default=True,
            type=click.Choice(["generated", "cdnow"]),
            help="A generated shop, or a real one: CDNOW, 1997-98.",
        ),
    ):
        command = option(command)
    return command


@main.command()
@demo_options
@click.option("--output", default="custlens-demo.html", show_default=True, type=click.Path(path_type=Path))
def demo(data: str, customers: int, seed: int, output: Path) -> None:
    """Write a report on a demo shop.

    Needs no token and no network: the shop runs on this machine, and its customers are fetched over HTTP and validated.
    """
    shop = "the CDNOW shop" if data == "cdnow" else f"a shop of {customers:,} customers"
    click.echo(f"Reporting on {shop}:", err=True)
    _report(output, {"demo": data, "customers": customers, "seed": seed})


@main.command()
@click.option("--output", default="custlens-report.html", show_default=True, type=click.Path(path_type=Path))
@click.option("--reveal", is_flag=True, help="Show names and email addresses; hidden by default.")
def report(output: Path, reveal: bool) -> None:
    """Write a report on your shop.

    The shop is the one that ECWID_STORE_ID and ECWID_TOKEN name.
    """
    from custlens.api.client import Client

    with Client.from_env() as client:  # raises at once if a setting is missing
        click.echo(f"Reporting on shop {client.store_id}:", err=True)
    _report(output, {"demo": None, "reveal": reveal})


store_option = click.option(
    "--store", "path", default="shop.lens", show_default=True, type=click.Path(path_type=Path), help="The local store."
)


@main.command()
@store_option
@click.option("--mode", default="auto", show_default=True, type=click.Choice(["auto", "full", "incremental"]))
def sync(path: Path, mode: Mode) -> None:
    """Bring the local store up to date.

    The shop is the one that ECWID_STORE_ID and ECWID_TOKEN name.
    """
    from custlens.api.client import Client
    from custlens.store.store import Store

    with Client.from_env() as client:
        click.echo(Store(path).sync(client, mode))


@main.command()
@store_option
@click.option("--keep", default="90D", show_default=True, help="How far back states can still be read: days or weeks.")
def compact(path: Path, keep: str) -> None:
    """Delete old states of the local store."""
    from custlens.store.store import Store

    click.echo(Store(path).compact(keep))


@main.command()
@click.argument("customer_id", type=int)
@store_option
@click.option("--keep-out/--take-in-again", default=True, show_default=True, help="What later syncs do.")
@click.confirmation_option(prompt="This also gives up all earlier states of the store. Erase?")
def forget(customer_id: int, path: Path, keep_out: bool) -> None:
    """Erase a person from the local store."""
    from custlens.store.store import Store

    click.echo(Store(path).forget(customer_id, keep_out=keep_out))


@main.command()
@click.argument("words", nargs=-1, required=True)
@store_option
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="Longest list to show.")
@click.option("--reveal", is_flag=True, help="Show names and email addresses; hidden by default.")
def lookup(words: tuple[str, ...], path: Path, limit: int, reveal: bool) -> None:
    """Find customers in the local store.

    Every one of WORDS must occur in the ID, email, name, company or phone number.
    """
    from custlens.report import Table
    from custlens.store.store import Store
    from custlens.tables.export import mask
    from custlens.tables.search import SearchIndex

    store = Store(path)
    matches = SearchIndex(store.customers(), store.contacts()).find(" ".join(words))
    columns = {
        "customer_id": "ID",
        "name": "Name",
        "email": "Email",
        "number_of_orders": "Orders",
        "sales_value": "Sales",
        "currency": "Currency",
        "last_order_date": "Last order (UTC)",
    }
    if len(matches):
        click.echo(Table(mask(matches.head(limit), reveal=reveal), columns))
        click.echo(f"Showing {min(limit, len(matches)):,} of {len(matches):,}.", err=True)
    else:
        click.echo("No customer has all of these words.", err=True)


@main.command()
@click.argument("output", type=click.Path(path_type=Path))
@store_option
@click.option(
    "--table",
    default="customers",
    show_default=True,
    type=click.Choice(["customers", "addresses", "contacts", "rejects"]),
)
@click.option("--reveal", is_flag=True, help="Write names, addresses and other personal data; hidden by default.")
def export(output: Path, path: Path, table: str, reveal: bool) -> None:
    """Write a table of the local store to a file.

    OUTPUT ends in .csv, .parquet or .xlsx.
    """
    from custlens.store.store import Store
    from custlens.tables.export import export as write

    click.echo(f"Wrote {write(getattr(Store(path), table)(), output, reveal=reveal)}")


@main.command()
@demo_options
@click.option("--port", default=0, help="Port on 127.0.0.1; a free one by default.")
def serve(data: str, customers: int, seed: int, port: int) -> None:
    """Run a demo shop on this machine until Ctrl-C."""
    from custlens import demo

    with demo.serve(data, customers=customers, seed=seed, port=port) as shop:
        click.echo(f"{shop}. To use it:\n")
        click.echo(f"  export ECWID_BASE_URL={shop.url}")
        click.echo(f"  export ECWID_STORE_ID={shop.store_id}")
        click.echo(f"  export ECWID_TOKEN={shop.token}\n")
        click.echo("Press Ctrl-C to stop it.")
        try:
            shop.wait()
        except KeyboardInterrupt:
            click.echo("\nStopped.")


def _report(output: Path, parameters: dict[str, Any]) -> None:
    from custlens import report

    click.echo(f"Report: {report.write(output, parameters=parameters)}")
