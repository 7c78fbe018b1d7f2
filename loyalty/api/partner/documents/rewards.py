"""Reward types and rewards."""

from collections.abc import Callable

from drf_spectacular.utils import OpenApiParameter

from loyalty.api.partner import bodies, examples
from loyalty.api.partner.shapes import rewards
from loyalty.api.schema import View, documented

TAG = "Rewards"
REWARD = OpenApiParameter("reward", str, OpenApiParameter.PATH, description="The reward's code.")
get_reward = documented(
    operation="get_reward",
    tag=TAG,
    description="Read a reward, whom it was given to, and the transaction that paid for it.",
    parameters=[REWARD],
    answer=(200, rewards.RewardAnswer),
    example=examples.REWARD,
    refusals={404: ["reward_not_found"]},
)


def _using(operation: str) -> Callable[[View], View]:
    return documented(
        operation=operation,
        tag=TAG,
        description="Mark a reward as used, once. The body may be empty.",
        parameters=[REWARD],
        body=bodies.UseBody,
        body_examples={"used": {"used": True}},
        body_required=False,
        answer=(200, rewards.RewardAnswer),
        example=examples.USED_REWARD,
        refusals={404: ["reward_not_found"], 409: ["reward_already_used", "reward_cancelled"]},
    )


put_reward = _using("use_reward")
patch_reward = _using("use_reward_too")
list_reward_types = documented(
    operation="list_reward_types",
    tag=TAG,
    description="List what points can be spent on.",
    answer=(200, rewards.RewardTypesAnswer),
    example=examples.REWARD_TYPES,
    refusals={400: ["invalid_request"]},
)
