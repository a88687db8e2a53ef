"""`agentvoice usage`: what calls used and cost."""

from __future__ import annotations

import click

from agentvoice.cli.frame import Invocation, LazyGroup, pass_invocation
from agentvoice.cli.output import duration, table
from agentvoice.core.usage import UsageGroup, UsageTotal

ESTIMATE_MARK = "~"
NUMBERS = range(1, 9)
"""Columns after the name: all of them are numbers."""


@click.group(cls=LazyGroup)
def usage() -> None:
    """Report what calls used and cost."""


@usage.command()
@click.option(
    "--by",
    type=click.Choice([group.value for group in UsageGroup]),
    default=UsageGroup.DAY.value,
    help="What to add up by.",
)
@click.option(
    "--since",
    metavar="DAY",
    show_default="the first of this month",
    help="First day (UTC), such as 2026-11-01.",
)
@click.option("--until", metavar="DAY", show_default="today", help="Last day (UTC).")
@pass_invocation
def report(invocation: Invocation, by: str, since: str | None, until: str | None) -> None:
    """Add up what calls used and cost, by day, project, agent, engine, model or call.

    Sums are exact. A cost with a ~ holds an estimate: some model had no price.

    \b
    Examples:
      agentvoice usage report
      agentvoice usage report --by model --since 2026-11-01 --until 2026-11-30
    """
    from agentvoice.services.usage_report import read_days, read_sums

    days = read_days(since or "", until or "", invocation.utc_ms(), ("--since", "--until"))
    with invocation.database() as database:
        sums = read_sums(database, UsageGroup(by), days)
    invocation.answer(sums.document(), describe(by, sums.lines, sums.total))


def describe(by: str, totals: tuple[UsageTotal, ...], whole: UsageTotal) -> str:
    """Return a report for people: its lines, their sum, and what its prices are worth."""
    if not totals:
        return "Nothing was used in this time."
    every = (*totals, whole)
    costs = _aligned([total.cost_nano_usd for total in every])
    rows = [
        (
            total.name or "total",
            total.calls,
            (ESTIMATE_MARK if total.estimated_nano_usd else "") + cost,
            total.input_text_tokens,
            total.input_audio_tokens,
            total.input_cached_tokens,
            total.output_text_tokens,
            total.output_audio_tokens,
            duration(total.audio_ms),
        )
        for total, cost in zip(every, costs, strict=True)
    ]
    headers = (by.upper(), "CALLS", "USD", "TEXT IN", "AUDIO IN", "CACHED", "TEXT OUT", "AUDIO OUT", "SOUND")
    return "\n\n".join([table(headers, rows, empty="", numbers=NUMBERS), *_remarks(whole)])


def _aligned(nano_usd: list[int]) -> list[str]:
    """Return amounts with equally many decimals, so that their points stand under each other."""
    from agentvoice.core.pricing import usd_text

    texts = [usd_text(amount) for amount in nano_usd]
    decimals = max(len(text.partition(".")[2]) for text in texts)
    return [text + "0" * (decimals - len(text.partition(".")[2])) for text in texts]


def _remarks(whole: UsageTotal) -> list[str]:
    from agentvoice.core.pricing import usd_text

    remarks = []
    if whole.priced_from:
        days = dict.fromkeys((whole.priced_from, whole.priced_until))
        remarks.append(f"Prices as of {' to '.join(days)}.")
    if whole.estimated_nano_usd:
        estimated = usd_text(whole.estimated_nano_usd)
        remarks.append(
            f"{ESTIMATE_MARK} holds an estimate for models without a price: {estimated} USD in all."
        )
    return [" ".join(remarks)] if remarks else []
