"""What a token bucket says, wherever it is kept."""

from backends.ports import Allowance


def after_taking(allowed: bool, tokens: float, per_second: float, burst: int) -> Allowance:  # noqa: FBT001 - what was found, not what to do
    """The answer of a bucket of `burst` tokens that has `tokens` left."""
    return Allowance(
        allowed=allowed,
        remaining=int(tokens),
        retry_after=0.0 if allowed else (1 - tokens) / per_second,
        full_after=(burst - tokens) / per_second,
    )
