"""`config`: the configuration in force."""

import click

from inventory.cli.base import Options, echo_document, json_option, output_option
from inventory.cli.group import group

__all__ = ["config"]


@group()
def config() -> None:
    """Show the configuration in force."""


@config.command(
    "show",
    examples=["inventory config show", "inventory --config /etc/inventory.yaml config show --json"],
    short_help="Print every key, its value and where it came from.",
)
@click.option(
    "--no-env", is_flag=True,
    help="For where no secret is: values with ${NAME} or ${file:PATH} and credentials are not read.",
)  # fmt: skip
@output_option
@json_option
@click.pass_obj
def config_show(options: Options, no_env: bool, as_json: bool) -> None:
    """Print every key in force with its value, and where that came from; secrets are masked.

    A value comes from the file (with its line), a variable, an option, the region, or the default.
    """
    from inventory.config.shown import show
    from inventory.render.configuration import as_text, members

    shown = show(options.config, options.database, no_env=no_env)
    for warning in shown.warnings:
        options.warn(warning)
    if as_json:
        echo_document(options, 0, **members(shown))
    elif not options.is_silent():
        options.page(as_text(shown))
