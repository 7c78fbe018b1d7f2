"""Something going on in the demo: a member who earns, spends, wishes and exchanges, so that pages have something to show."""

import secrets
from typing import Any

from tests.loyalty.conftest import Serve


class Life:
    """The first brand's partner system."""

    def __init__(self, demo: Serve) -> None:
        self.demo, self.brand = demo, demo.demo["brands"][0]
        self.points, self.collectible = (self.brand["tokens"][name] for name in ("points", "collectible"))

    def call(self, path: str, body: Any) -> Any:
        sent = {"X-API-KEY": self.brand["api_key"], "Idempotency-Key": secrets.token_hex(8)}
        answer = self.demo.post(f"/api/admin{path}", body, **sent)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def register(self, name: str) -> str:
        """A new member; answers the auth_id."""
        auth_id = f"{name.lower()}-{secrets.token_hex(3)}"
        profile = {"email": f"{auth_id}@example.org", "auth_id": auth_id, "first_name": name, "second_name": "Example"}
        self.call("/users", {"user": profile})
        return auth_id

    def move(self, type_: str, auth_id: str, **terms: Any) -> Any:
        return self.call("/transactions", {"transaction": {"type": type_, "user_auth_id": auth_id, **terms}})

    def earn(self, auth_id: str, points: int) -> None:
        self.move("credit_points", auth_id, amount=points, token_id=self.points)

    def buy(self, auth_id: str) -> None:
        coupon = self.brand["reward_types"]["coupon"]
        self.move("points_to_rewards", auth_id, amount=100, token_id=self.points, reward_type_id=coupon)

    def exchange(self, auth_id: str, points: int) -> None:
        """Into miles; the sandbox airline decides by the points what becomes of it."""
        airline = {"exchange_provider_implementation_name": "etihad", "membership_number_override": "100200300400"}
        self.move("points_to_external_rewards", auth_id, amount=points, token_id=self.points, **airline)

    def wish(self, auth_id: str, engraving: str) -> str:
        """A collectible with an engraving to be decided about; answers the item's id."""
        self.move("credit_nft", auth_id, token_id=self.collectible)
        sent = {"X-API-KEY": self.brand["api_key"]}
        items = self.demo.get(f"/api/admin/nfts?user_auth_id={auth_id}", **sent).json()["data"]
        item = items[0]["user_nft_id"]
        self.call(f"/nfts/{item}/personalisation", {"personalisation": {"data": {"engraving": engraving}}})
        return item
