"""The catalogue's pages: reward types, pools looked at before they are taken, categories as a tree, gifts."""

import pytest
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse

from rewards.models import Category, Fulfilment, GiftOrder, Location, Reward, RewardType
from tests.conftest import make_brand, make_member, make_token
from tests.ledger.orders import move
from tests.loyalty.desk import act, fill, make_staff, page_of, signed_in, words
from tests.rewards.conftest import again, buy, make_reward_type, stampede
from users.models import AuditEntry, Staff


def someone(brand, role: str = "Campaign manager") -> Staff:
    staff = make_staff(username=f"{role} of {brand.pk}", brand=brand)
    staff.groups.add(Group.objects.get(name=role))
    return staff


@pytest.fixture
def client(brand) -> Client:
    return signed_in(someone(brand))


@pytest.fixture
def coupons(token) -> RewardType:
    return make_reward_type(token, pool=["OLD"])


def pool_of(reward_type: RewardType) -> str:
    return reverse("admin:rewards_rewardtype_pool", args=[reward_type.pk])


def look(client: Client, reward_type: RewardType, content: bytes):
    return client.post(pool_of(reward_type), {"file": SimpleUploadedFile("codes.csv", content)})


def codes_of(reward_type: RewardType) -> list[str]:
    return list(Reward.objects.filter(reward_type=reward_type).order_by("pk").values_list("code", flat=True))


def test_a_file_is_looked_at_then_taken_once(client, coupons):
    preview = look(client, coupons, "\ufeffcode\r\nÄ-1\r\nA-2\r\n".encode())
    before, draft = codes_of(coupons), preview.context["draft"].pk

    pages = [client.post(pool_of(coupons), {"draft": draft}, follow=True) for _ in range(2)]

    assert (before, preview.context["new_count"]) == (["OLD"], 2)
    assert codes_of(coupons) == ["OLD", "Ä-1", "A-2"]
    assert "2 codes more are in the pool now" in words(pages[0])
    assert "taken already" in words(pages[1])
    of_row = AuditEntry.objects.filter(subject_model="rewards.rewardtype", subject_id=str(coupons.pk))
    entry, refused = of_row.order_by("pk")
    assert refused.kind == "refused"
    assert (entry.before, entry.after) == ({"stock": 1}, {"stock": 3})


def test_a_file_with_faults_tells_each_line_and_offers_nothing_to_take(client, coupons):
    page = look(client, coupons, b"A-1\nOLD\nA-1\n\n")

    assert page.context["faults"] == [
        (2, "the brand has a reward with this code"),
        (3, "the same as line 1"),
        (4, "the line is empty"),
    ]
    assert "draft" not in page.context
    assert "3 lines cannot be taken" in words(page)
    assert codes_of(coupons) == ["OLD"]


@pytest.mark.parametrize(
    ("content", "told"), [(b"", "empty"), (b"A\xff\n", "no text in UTF-8"), (b"x" * (5 * 2**20 + 1), "larger than 5 MB")]
)
def test_a_file_that_cannot_be_read_says_why(client, coupons, content, told):
    assert told in words(look(client, coupons, content))


def test_what_draws_from_no_pool_takes_none(client, token):
    reward_type = make_reward_type(token)

    assert "does not draw its codes from a pool" in words(look(client, reward_type, b"A-1\n"))


def test_a_pool_is_filled_by_whom_may_and_never_across_the_wall(brand, client, coupons):
    other = make_reward_type(make_token(make_brand()), pool=[])
    agent = signed_in(someone(brand, "Service agent"))

    assert (look(agent, coupons, b"A-1\n").status_code, look(client, other, b"A-1\n").status_code) == (403, 404)
    assert (codes_of(coupons), codes_of(other)) == (["OLD"], [])


def form_of(token, **fields) -> dict[str, object]:
    return {"token": token.pk, "name": "Coffee", "price": 10, "fulfilment": "generated"} | fields


def test_pictures_are_addresses_one_a_line(client, brand, token):
    pictures = ["https://img.example.org/a,b.png", "https://img.example.org/c.png"]
    fill(client, RewardType, None, form_of(token, images="\r\n".join(pictures)))
    made = RewardType.objects.get(brand=brand)

    page = client.get(page_of(RewardType, "change", made.pk))

    assert made.images == pictures
    assert "\n".join(pictures) in page.content.decode()


@pytest.mark.parametrize("images", ["javascript:alert(1)", "no address", "https://example.org/" + "x" * 500])
def test_what_is_no_address_of_a_picture_is_refused(client, brand, token, images):
    page = fill(client, RewardType, None, form_of(token, images=images))

    assert "images" in page.context["adminform"].form.errors
    assert not RewardType.objects.filter(brand=brand).exists()


def test_fields_of_lines_say_what_they_are_to_whom_sees_no_columns(client, coupons):
    page = client.get(page_of(RewardType, "change", coupons.pk)).content.decode()

    assert page.count('aria-label="Language"') == page.count('aria-label="Location"') == 1


def test_reward_types_are_offered_and_withdrawn(client, token):
    reward_type = make_reward_type(token)

    states = [act(client, action, reward_type) and again(reward_type).active for action in ("withdraw", "offer")]

    assert states == [False, True]


@pytest.mark.parametrize(("terms", "hint"), [({"active": False}, "It is not offered"), ({"stock": 0}, "Nothing is left")])
def test_a_page_says_why_members_do_not_get_it(client, token, terms, hint):
    assert hint in words(client.get(page_of(RewardType, "change", make_reward_type(token, **terms).pk)))


@pytest.fixture
def tree(brand) -> dict[str, Category]:
    """Food: coffee: beans; travel."""
    made: dict[str, Category] = {}
    for name, parent in (("Travel", None), ("Food", None), ("Coffee", "Food"), ("Beans", "Coffee")):
        made[name] = Category.objects.create(brand=brand, code=name.lower(), name=name, parent=made.get(parent))
    return made


def test_categories_are_listed_as_they_stand_in_one_another(client, tree):
    Category.objects.create(brand=make_brand(), code="else", name="Else")

    rows = client.get(page_of(Category, "changelist")).context["cl"].result_list

    assert [row.names for row in rows] == [["Food"], ["Food", "Coffee"], ["Food", "Coffee", "Beans"], ["Travel"]]


def test_a_category_is_offered_no_parent_that_stands_in_it(client, tree):
    page = client.get(page_of(Category, "change", tree["Food"].pk))

    assert list(page.context["adminform"].form.fields["parent"].queryset) == [tree["Travel"]]


def test_a_circle_that_is_sent_all_the_same_is_refused(client, tree):
    page = fill(client, Category, tree["Food"], {"code": "food", "name": "Food", "parent": tree["Beans"].pk})

    assert page.status_code == 200
    assert again(tree["Food"]).parent is None


def test_two_changes_at_once_close_no_circle(own_brand):
    """Each is sound alone: the database lets one in after the other, and sees what the other did."""
    for number in range(5):
        pair = [Category.objects.create(brand=own_brand, code=f"{number}-{name}", name=name) for name in "AB"]

        outcomes = stampede(lambda at, pair=pair: put(pair[at], under=pair[1 - at]), range(2))

        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["IntegrityError", "int"]


def put(category: Category, *, under: Category) -> int | DatabaseError:
    try:
        return Category.objects.filter(pk=category.pk).update(parent=under)
    except DatabaseError as error:
        return error


def test_a_location_is_added_to_ones_own_brand(client, brand):
    fill(client, Location, None, {"city": "Bern", "street": "Marktgasse 1"})

    assert Location.objects.get(city="Bern", brand=brand).street == "Marktgasse 1"


@pytest.fixture
def gift(brand, token) -> GiftOrder:
    member = make_member(brand)
    move(member, token, 100)
    return GiftOrder.objects.get(reward=buy(member, make_reward_type(token, fulfilment=Fulfilment.PHYSICAL)).reward)


def step(client: Client, order: GiftOrder, to: str, reason: str = ""):
    return client.post(reverse("admin:rewards_giftorder_move", args=[order.pk]), {"to": to, "reason": reason}, follow=True)


def test_a_gift_goes_its_way_step_by_step_and_its_page_offers_the_next_ones(brand, gift):
    client, offered = signed_in(someone(brand, "Service agent")), []

    for to in ("in_preparation", "in_delivery", "delivered", "returned"):
        offered.append({value for value, _ in client.get(page_of(GiftOrder, "change", gift.pk)).context["moves"]})
        page = step(client, gift, to, reason="as agreed")

    assert offered == [{"in_preparation", "cancellation"}, {"in_delivery", "cancellation"}, {"delivered"}, {"returned"}]
    assert (again(gift).status, page.context["moves"]) == ("returned", [])
    assert "as agreed" in words(page)
    assert AuditEntry.objects.filter(subject_model="rewards.giftorder", subject_id=str(gift.pk)).count() == 4


@pytest.mark.parametrize("to", ["delivered", "else", ""])
def test_a_step_that_cannot_be_taken_is_told(brand, gift, to):
    page = step(signed_in(someone(brand, "Service agent")), gift, to)

    assert (again(gift).status, len(page.context["messages"])) == ("exchange", 1)


def test_gifts_are_moved_by_whom_may_and_never_across_the_wall(brand, gift):
    stranger = signed_in(someone(make_brand(), "Service agent"))

    answers = [step(client, gift, "cancellation").status_code for client in (signed_in(someone(brand, "Auditor")), stranger)]

    assert (answers, again(gift).status) == ([403, 404], "exchange")


def test_the_pages_cost_few_queries(client, coupons, tree, django_assert_max_num_queries):
    ContentType.objects.get_for_model(RewardType)  # looked up once in a process's life, not for every page
    for path in (
        page_of(RewardType, "changelist"),
        page_of(RewardType, "change", coupons.pk),
        page_of(Category, "changelist"),
        pool_of(coupons),
    ):
        with django_assert_max_num_queries(15):
            assert client.get(path).status_code == 200
