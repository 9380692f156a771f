"""The command line. Every command lives in its own module and is imported when it is asked for."""

import gc
import importlib
import sys

import click

from cases.problem import CasewrightError, Invalid

_COMMANDS = {
    "audit": ("audit", "Audit cases from files, folders or standard input; one JSON result a case."),
    "backup": ("backup", "Write the service's embedded database into a file."),
    "cases": ("table", "Bring cases in: from a table with a mapping."),
    "demo": ("demo", "Audit the example cases and show what comes out."),
    "doctor": ("doctor", "Say what is configured, reachable and missing."),
    "dsa": ("dsa", "Make statements of reasons for the DSA Transparency Database."),
    "eval": ("evaluate", "Measure an auditor on argued cases, or the clause search on sellers' words."),
    "events": ("events", "Follow what the service tells: one event a line."),
    "explain": ("explain", "Render one result for a person: terminal, Markdown or HTML."),
    "load": ("load", "Drive a running service with synthetic cases and measure it."),
    "migrate": ("migrate", "Bring the service's database up to this version."),
    "model": ("model", "Talk to the configured model, or play one from a script."),
    "policy": ("policy", "Show and search the clauses."),
    "replay": ("replay", "Rebuild results from their journal and compare."),
    "restore": ("backup:restore", "Fill the service's embedded database from a backup."),
    "review": ("review", "List a run's open questions, show one, answer it."),
    "worker": ("worker", "Take cases from the service's queue, as one more process."),
    "serve": ("serve", "Serve the escalation queue: API, workers and database."),
    "schema": ("schema", "Print the JSON Schema of the contracts."),
    "submit": ("submit", "Send cases from files to a running service."),
}


class _Lazy(click.Group):
    """A group that knows its commands by name and line of help, so that --help imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        found = importlib.import_module(f"casewright.commands.{module}")
        command: click.Command = getattr(found, name or "command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in sorted(_COMMANDS.items())])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="casewright")
def cli() -> None:
    """Casewright audits the hard cases of marketplace moderation, element by element.

    Start with `casewright demo`.
    """


def main() -> None:
    """Run the command line; our own errors are printed as code, place and hint, with exit status 2."""
    # A corpus is a hundred thousand small objects that all stay: looking through them as they come costs a fifth.
    gc.set_threshold(100_000, 20, 20)
    try:
        cli(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Invalid as error:
        for problem in error.problems:
            click.echo(f"{problem}", err=True)
        sys.exit(2)
    except CasewrightError as error:
        hint = f" ({error.hint})" if error.hint else ""
        click.echo(f"{error.code}: {error}{hint}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:  # a full disk, a folder that may not be written: the user's to mend, not a bug to trace
        click.echo(f"io_error: {error}", err=True)
        sys.exit(2)
