"""The counts that GitLab shows of a plan in a merge request (`artifacts:reports:terraform`)."""

import json

from campaignsync.model.plan import Plan


def plan(plan: Plan) -> str:
    """Count what apply would do; nothing is ever created or deleted."""
    return json.dumps({"create": 0, "update": plan.summary.update, "delete": 0})
