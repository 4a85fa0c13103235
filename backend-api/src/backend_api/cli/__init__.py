"""`recsys`: administration of tenants, plans and keys, straight on the database."""

import typer

from backend_api.cli import audit, keys, plans, tenants, usage


def _recsys() -> typer.Typer:
    recsys = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Administer the recommender: tenants, plans, API keys, the audit log, usage.\n\n"
        "Works on the database of DATABASE_URL, by default the one under DATA_DIR (default "
        ".data), so it needs no running service; running services follow within their "
        "API_KEY_CACHE_SECONDS (default 5). Every change is in the audit log, as done by `cli`."
        "\n\n"
        "A first tenant:\n\n"
        "  recsys tenant create acme --name 'Acme Ltd'\n\n"
        "  recsys key create acme --scope read --scope write --scope admin\n\n"
        "Ends with 0, with 1 where something is refused, and with 2 for a bad argument or "
        "setting.",
    )
    recsys.add_typer(tenants.commands, name="tenant")
    recsys.add_typer(plans.commands, name="plan")
    recsys.add_typer(keys.commands, name="key")
    recsys.add_typer(audit.commands, name="audit")
    recsys.add_typer(usage.commands, name="usage")
    return recsys


app = _recsys()
