"""The command line: each command calls one public function of custlens and prints the result."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from custlens.errors import CustlensError

if TYPE_CHECKING:
    from custlens.store.store import Store
    from custlens.store.sync import Mode
    from custlens.widgets.app import App

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


pdf_option = click.option(
    "--pdf", is_flag=True, help="Also print the report to a PDF, with the installed Chromium or Chrome."
)


@main.command()
@demo_options
@click.option("-o", "--output", default="custlens-demo.html", show_default=True, type=click.Path(path_type=Path))
@pdf_option
def demo(data: str, customers: int, seed: int, output: Path, pdf: bool) -> None:
    """Write a report on a demo shop.

    Needs no token and no network: the shop runs on this machine, and is synced over HTTP twice, 30 days apart.
    """
    from custlens import demo as shops
    from custlens._text import counted
    from custlens.report.page import check_plan
    from custlens.store.store import Store

    check_plan(output, pdf=pdf)
    shop_name = "the CDNOW shop" if data == "cdnow" else f"a shop of {counted(customers, 'customer')}"
    click.echo(f"Reporting on {shop_name}:", err=True)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "demo.lens")
        if data == "cdnow":
            with shops.serve(data, until="1998-05-31") as shop:
                store.sync(shop.client())
            with shops.serve(data) as shop:
                store.sync(shop.client())
        else:
            with shops.serve(customers=customers, seed=seed) as shop:
                store.sync(shop.client())
                shop.advance(days=30)
                store.sync(shop.client())
        _report(store, output, pdf)


@main.command()
@click.option("--store", "path", help="Folder or address of the local store to report from.")
@click.option("--as-of", help="Report on the shop as of this date; needs --store.")
@click.option("--since", help="Compare with the last sync before this date; needs --store.")
@click.option("--segment", help='Report only on this segment, such as "Champions".')
@click.option("--tz", default="UTC", show_default=True, help="Time zone in which months begin, such as Europe/Berlin.")
@click.option("--reveal", is_flag=True, help="Show names; hidden by default.")
@click.option("-o", "--output", default="custlens-report.html", show_default=True, type=click.Path(path_type=Path))
@pdf_option
def report(
    path: str | None,
    as_of: str | None,
    since: str | None,
    segment: str | None,
    tz: str,
    reveal: bool,
    output: Path,
    pdf: bool,
) -> None:
    """Write a report on your shop.

    Without --store, the shop named by ECWID_STORE_ID and ECWID_TOKEN is fetched first. With a store, the report can also
    show what has changed since an earlier sync.
    """
    from custlens.api.client import BASE_URL, Client, admin_url
    from custlens.report.page import check_plan
    from custlens.store.store import Store

    admin = admin_url(os.environ.get("ECWID_BASE_URL", BASE_URL))
    options = {"segment": segment, "tz": tz, "reveal": reveal, "admin": admin}
    if path is not None:
        _report(Store(path), output, pdf, as_of=as_of, since=since, **options)
        return
    if as_of is not None or since is not None:
        raise click.UsageError("--as-of and --since need --store: the API shows only the present.")
    check_plan(output, pdf=pdf, segment=segment, tz=tz)
    with Client.from_env() as client, tempfile.TemporaryDirectory() as folder:
        click.echo(f"Reporting on shop {client.store_id}:", err=True)
        store = Store(Path(folder) / "shop.lens")
        store.sync(client)
        _report(store, output, pdf, **options)


store_option = click.option(
    "--store", "path", default="shop.lens", show_default=True, help="Folder or address of the local store."
)


@main.command()
@store_option
@click.option("--mode", default="auto", show_default=True, type=click.Choice(["auto", "full", "incremental"]))
def sync(path: str, mode: Mode) -> None:
    """Bring the local store up to date.

    ECWID_STORE_ID and ECWID_TOKEN name the shop.
    """
    from custlens.api.client import Client
    from custlens.store.store import Store

    with Client.from_env() as client:
        click.echo(Store(path).sync(client, mode))


@main.command()
@store_option
@click.option(
    "--keep", default="90D", show_default=True, help="How far back earlier states stay readable, in days or weeks."
)
def compact(path: str, keep: str) -> None:
    """Delete old states of the local store."""
    from custlens.store.store import Store

    click.echo(Store(path).compact(keep))


@main.command()
@click.argument("customer_id", type=click.IntRange(0, 2**63 - 1))
@store_option
@click.option(
    "--keep-out/--take-in-again", default=True, show_default=True, help="Whether later syncs leave the customer out."
)
@click.confirmation_option(prompt="This also deletes all earlier states of the store. Erase?")
def forget(customer_id: int, path: str, keep_out: bool) -> None:
    """Erase a person from the local store."""
    from custlens.store.store import Store

    click.echo(Store(path).forget(customer_id, keep_out=keep_out))


@main.command()
@click.argument("words", nargs=-1, required=True)
@store_option
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="Most customers to show.")
@click.option("--reveal", is_flag=True, help="Show names and email addresses; hidden by default.")
def lookup(words: tuple[str, ...], path: str, limit: int, reveal: bool) -> None:
    """Find customers in the local store.

    Every one of WORDS must occur in the ID, email, name, company, phone number (in any formatting) or a contact.
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
def export(output: Path, path: str, table: str, reveal: bool) -> None:
    """Write a table of the local store to a file.

    OUTPUT ends in .csv, .parquet or .xlsx.
    """
    from custlens.store.store import Store
    from custlens.tables.export import export as write

    click.echo(f"Wrote {write(getattr(Store(path), table)(), output, reveal=reveal)}")


@main.command()
@click.argument("widget", default="lookup", type=click.Choice(["lookup", "explorer"]))
@store_option
@click.option("--port", default=8866, show_default=True, help="Port on 127.0.0.1.")
@click.option("--browser", is_flag=True, help="Open the page in a browser.")
def app(widget: App, path: str, port: int, browser: bool) -> None:
    """Run a widget on the local store as a page, until Ctrl-C.

    The page is on this machine only, and whoever can open it sees the store's customers.
    """
    from custlens.widgets.app import serve

    serve(widget, path, port=port, browser=browser)


@main.command()
@store_option
@click.pass_context
def check(ctx: click.Context, path: str) -> None:
    """Check the settings, the token's scopes and the local store.

    The exit code is 1 if anything is not in order.
    """
    from custlens._check import check

    findings = []
    for finding in check(path):
        click.echo(finding)
        findings.append(finding)
    ctx.exit(0 if all(finding.sound for finding in findings) else 1)


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


def _report(store: Store, output: Path, pdf: bool, **parameters: Any) -> None:
    """Write a report from a store, and print its headline and findings."""
    from custlens import report

    chosen = {name: parameters[name] for name in ("as_of", "since", "segment", "tz") if name in parameters}
    data = report.read(store, **chosen)  # raises before any work if a report is impossible
    page = report.write(output, parameters={"store": store.path, **parameters})
    click.echo(report.Headline(data.customers, data.before, about=data.about, as_of=data.as_of, since=data.since))
    click.echo(report.Findings(data))
    click.echo(f"Report: {page}")
    if pdf:
        click.echo(f"PDF: {report.to_pdf(page)}")
