"""Service level objectives: one spec, from which rules, a dashboard and a page are generated.

`load_spec()` reads observability/slo/slo.yml, `records` names the series that its rules record,
and `python -m stack.slo` writes the rules and docs/slo.md.
"""

from stack.slo.spec import Objective, Spec, load_spec

__all__ = ["Objective", "Spec", "load_spec"]
