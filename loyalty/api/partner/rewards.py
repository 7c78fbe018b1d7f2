"""Reward types and rewards of the Partner API."""

from http import HTTPStatus

import msgspec
from django.http import HttpRequest
from django.utils import timezone

from loyalty.api.idempotency import Answer
from loyalty.api.partner.base import PartnerView
from loyalty.api.partner.bodies import UseBody, read
from loyalty.api.partner.documents import rewards as documents
from loyalty.api.partner.shapes.rewards import reward_answer, reward_types_answer
from loyalty.api.refusals import Concern, KeepsRefusals
from loyalty.api.requests import Parameters
from loyalty.api.views import WRITING
from rewards.models import Reward
from rewards.selectors import find_reward, reward_types_of
from rewards.services.rewards import use_reward
from users.models import Scope


class RewardView(PartnerView, KeepsRefusals):
    """GET, PUT and PATCH /rewards/:reward: one reward."""

    read_scope, write_scope = Scope.REWARDS_READ, Scope.REWARDS_WRITE

    @documents.get_reward
    def get(self, request: HttpRequest, reward: str) -> Answer:
        """Read a reward."""
        return self._answer(reward)

    @documents.put_reward
    def put(self, request: HttpRequest, reward: str) -> Answer:
        """Mark a reward as used."""
        return self._use(request, reward)

    @documents.patch_reward
    def patch(self, request: HttpRequest, reward: str) -> Answer:
        """Mark a reward as used."""
        return self._use(request, reward)

    def _use(self, request: HttpRequest, code: str) -> Answer:
        if request.body:
            read(request, UseBody)
        use_reward(brand_id=self.brand_id, code=code, at=timezone.now())
        return self._answer(code)

    def concern(self, request: HttpRequest) -> Concern | None:
        """Whose reward was to be used."""
        code = str(self.kwargs["reward"])
        if request.method not in WRITING or "\x00" in code:
            return None
        rows = Reward.objects.filter(brand_id=self.brand_id, code=code, member__isnull=False)
        member_id = rows.values_list("member", flat=True).first()
        return None if member_id is None else Concern(member_id, "use_reward")

    def _answer(self, code: str) -> Answer:
        reward = find_reward(brand_id=self.brand_id, code=code)
        return Answer(HTTPStatus.OK, msgspec.json.encode(reward_answer(reward)))


class RewardTypesView(PartnerView):
    """GET /reward_types: what points can be spent on."""

    read_scope = Scope.REWARDS_READ

    @documents.list_reward_types
    def get(self, request: HttpRequest) -> Answer:
        """List reward types."""
        Parameters(request.GET, known=())
        return Answer(HTTPStatus.OK, msgspec.json.encode(reward_types_answer(reward_types_of(self.brand_id))))
