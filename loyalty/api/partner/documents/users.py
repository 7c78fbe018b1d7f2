"""Users and memberships."""

from collections.abc import Callable

from drf_spectacular.utils import OpenApiParameter

from loyalty.api.partner import bodies, examples
from loyalty.api.partner.documents.parameters import AUTH_ID, FROM_TIME, LIMIT, OFFSET, TARGET, TO_TIME
from loyalty.api.partner.shapes import balances, users
from loyalty.api.schema import View, documented

NOT_FOUND = {404: ["user_not_found"]}
USERS, MEMBERSHIPS = "Users", "Memberships"
SAVING = {
    400: ["invalid_membership_number", "invalid_exchange_provider"],
    404: ["user_not_found"],
}

create_user = documented(
    operation="create_user",
    tag=USERS,
    description="Create a user. Only the e-mail address is mandatory; without an auth_id the user gets a UUID-4.",
    body=bodies.UserBody,
    body_examples={"a user": examples.USER_BODY},
    answer=(201, users.UserAnswer),
    example=examples.USER_ANSWER,
    refusals={400: ["auth_id_taken"]},
    once=True,
)
list_users = documented(
    operation="list_users",
    tag=USERS,
    description="List users, newest first.",
    parameters=[
        LIMIT,
        OFFSET,
        OpenApiParameter("email_like", str, description="A part of the e-mail address, in any case."),
        FROM_TIME,
        TO_TIME,
    ],
    answer=(200, users.UserPageAnswer),
    example=examples.USER_PAGE,
    refusals={400: ["invalid_request"]},
)
get_user = documented(
    operation="get_user",
    tag=USERS,
    description="Read a user.",
    parameters=[AUTH_ID],
    answer=(200, users.UserAnswer),
    example=examples.USER_ANSWER,
    refusals=NOT_FOUND,
)
put_user = documented(
    operation="replace_user",
    tag=USERS,
    description="Replace what is known of a user: the e-mail address is mandatory, absent optional fields become null.",
    parameters=[AUTH_ID],
    body=bodies.UserBody,
    body_examples={"a user": examples.USER_CHANGE},
    answer=(200, users.UserAnswer),
    example=examples.USER_ANSWER,
    refusals=NOT_FOUND,
)
patch_user = documented(
    operation="change_user",
    tag=USERS,
    description="Change some of what is known of a user: absent fields stay.",
    parameters=[AUTH_ID],
    body=bodies.UserBody,
    body_examples={"a new language": {"user": {"language": "it"}}},
    answer=(200, users.UserAnswer),
    example=examples.USER_ANSWER,
    refusals=NOT_FOUND,
)
delete_user = documented(
    operation="erase_user",
    tag=USERS,
    description="Erase a user's personal data and close their accounts; what is left on them lapses. The ledger keeps its "
    "rows, their user becomes null; the auth_id is free for a new, empty user.",
    parameters=[AUTH_ID],
    answer=(204, None),
    refusals=NOT_FOUND,
)
get_balances = documented(
    operation="get_balances",
    tag=USERS,
    description="Read what a user holds of each of your active points tokens, zero included, lapsed points left out.",
    parameters=[AUTH_ID],
    answer=(200, balances.BalancesAnswer),
    example=examples.BALANCES,
    refusals=NOT_FOUND | {400: ["invalid_request"]},
)


def _saving(operation: str, description: str, *, one: bool, status: int = 200, once: bool = False) -> Callable[[View], View]:
    return documented(
        operation=operation,
        tag=MEMBERSHIPS,
        description=description,
        parameters=[AUTH_ID, TARGET] if one else [AUTH_ID],
        body=bodies.MembershipBody,
        body_examples={"newer": examples.MEMBERSHIP_BODY, "older": examples.OLDER_MEMBERSHIP_BODY},
        answer=(status, users.UserAnswer),
        example=examples.MEMBERSHIP_STORED,
        refusals=SAVING,
        once=once,
    )


STORES = "Store a user's number; the same target again replaces it. Path and body must not disagree."
create_membership = _saving("create_membership", STORES, one=False, status=201, once=True)
put_membership = _saving("replace_membership", STORES, one=False)
patch_membership = _saving("change_membership", STORES, one=False)
put_one_membership = _saving("replace_membership_at", STORES, one=True)
patch_one_membership = _saving("change_membership_at", STORES, one=True)
list_memberships = documented(
    operation="list_memberships",
    tag=MEMBERSHIPS,
    description="List a user's memberships.",
    parameters=[AUTH_ID],
    answer=(200, users.MembershipsAnswer),
    example=examples.MEMBERSHIPS,
    refusals=NOT_FOUND | {400: ["invalid_request"]},
)
get_membership = documented(
    operation="get_membership",
    tag=MEMBERSHIPS,
    description="Read one membership; where there is none, the problem also holds an empty data.",
    parameters=[AUTH_ID, TARGET],
    answer=(200, users.MembershipAnswer),
    example=examples.MEMBERSHIP,
    refusals={404: ["user_not_found", "membership_not_found"]},
)
delete_membership = documented(
    operation="delete_membership",
    tag=MEMBERSHIPS,
    description="Forget one membership.",
    parameters=[AUTH_ID, TARGET],
    answer=(204, None),
    refusals={400: ["invalid_exchange_provider"], 404: ["user_not_found", "membership_not_found"]},
)
