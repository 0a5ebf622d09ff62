"""What commands are added to."""

from __future__ import annotations

import typer

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="How innovations spread in social care through the alignment of values.",
)
data_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None, help="Public data that scenarios use.")
app.add_typer(data_app, name="data")
survey_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="A questionnaire on values and alignment.")
app.add_typer(survey_app, name="survey")
