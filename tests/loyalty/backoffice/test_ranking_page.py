"""The page of the ranking."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.admin import ranking
from rewards.models import Programme
from tests.api.retail.baskets import make_programme
from tests.clients import Partner
from tests.conftest import make_brand, make_member
from tests.loyalty.backoffice.promoting import someone
from tests.loyalty.desk import page_of, words
from users.services.members import erase_member

SCORES = {"bob": 1_200, "ann": 1_200, "cid": 30, "dot": 0, "eve": 0}


class Board:
    """The ranking of a brand whose rows are committed, for someone of it."""

    def __init__(self, brand) -> None:
        self.brand, points, partner = brand, make_programme(brand), Partner.of(brand)
        for name, earned in SCORES.items():
            make_member(brand, auth_id=name)
            if earned:
                partner.credit(name, earned, points.pk)
        self.programme = Programme.objects.get(brand=brand)
        self.client: Client = someone(brand, "Brand manager")

    def get(self, query: str = "", programme: Programme | None = None):
        path = reverse("admin:rewards_programme_ranking", args=[(programme or self.programme).pk])
        return self.client.get(path + query)

    def rows(self, query: str = "") -> list[tuple[str, str, str]]:
        answer = self.get(query)
        assert answer.status_code == 200
        return [(rank, row.auth_id, points) for row, rank, points in answer.context["rows"]]


@pytest.fixture
def board(own_brand, nothing_left_open) -> Board:
    return Board(own_brand)


WHOLE = [("1", "ann", "1,200"), ("1", "bob", "1,200"), ("3", "cid", "30"), ("4", "dot", "0"), ("4", "eve", "0")]


@pytest.mark.parametrize("period", ["all", "month", "week"])
def test_it_is_the_ranking_of_the_app_by_period_and_in_all(board, period):
    assert board.rows(f"?period={period}") == WHOLE
    assert board.rows() == WHOLE


@pytest.mark.parametrize("period", ["all", "week"])
def test_pages_follow_one_another(board, period, monkeypatch):
    monkeypatch.setattr(ranking, "PAGE", 2)
    query, pages = f"?period={period}", []

    while query:
        answer = board.get(query)
        pages.append([row.auth_id for row, *_ in answer.context["rows"]])
        query = answer.context["next"]

    assert pages == [["ann", "bob"], ["cid", "dot"], ["eve"]]
    monkeypatch.setattr(ranking, "PAGE", 5)
    assert board.get().context["next"] == ""


def test_a_member_is_shown_among_the_neighbours(board, monkeypatch):
    monkeypatch.setattr(ranking, "AROUND", 1)

    assert board.rows("?member=cid&period=week") == WHOLE[1:4]
    assert "There is no such member." in words(board.get("?member=nobody"))
    erase_member(brand_id=board.brand.pk, auth_id="cid", at=timezone.now())
    assert "There is no such member." in words(board.get("?member=cid"))


NO_PLACES = ["1", "x:ann", "-1:ann", f"{2**63}:ann", f"{'9' * 5_000}:ann"]


@pytest.mark.parametrize("query", ["?period=year", *(f"?after={place}" for place in NO_PLACES)], ids=lambda query: query[:12])
def test_addresses_that_no_page_gave_out_lead_nowhere(board, query):
    assert board.get(query).status_code == 404


def test_the_programme_s_page_leads_there_and_another_brand_s_is_not_found(board):
    other = make_brand()
    make_programme(other)

    page = board.client.get(page_of(Programme, "change", board.programme.pk))

    assert reverse("admin:rewards_programme_ranking", args=[board.programme.pk]) in page.content.decode()
    assert board.get(programme=Programme.objects.get(brand=other)).status_code in {302, 404}
