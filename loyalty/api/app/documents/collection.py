"""The App API as a Postman collection: a user connects, acts, is ranked, buys a gift, and leaves."""

from loyalty.api.postman import Dialect, Step, bearer, unless_set

USER = {"partnerClientId": "{{auth_id}}"}
APP = {"APMPartnerID": "{{APMPartnerID}}", "appId": "{{appId}}"}
SIGNED = [
    "const timestamp = String(Math.floor(Date.now() / 1000)), told = name => pm.variables.get(name);",
    'const signed = [told("appId"), told("auth_id"), timestamp].join(":");',
    'pm.collectionVariables.set("timestamp", timestamp);',
    'pm.collectionVariables.set("signature", require("crypto-js").HmacSHA256(signed, told("appSecret")).toString());',
]
ACTED = {"tagId": "conditional", "properties": {"category": "coffee"}}


def _asked(operation: str, **query: str) -> list[Step]:
    """A reading call, by its body and by its query."""
    by_query = Step(operation=f"{operation}_by_query", name="The same, by query", query=query)
    return [Step(operation=operation, body=query), by_query]


APP_API = Dialect(
    name="App API",
    prefix="/api/app",
    base="loyalty_app_api_base_url",
    description="For a brand's mobile or web app and its back end. Set the app's four names; the actions are the demo's.",
    variables={
        "APMPartnerID": "Who the brand is.",
        "partnerSecret": "What the app's back end proves itself by.",
        "appId": "Which app it is.",
        "appSecret": "What connections are signed by.",
        "auth_id": "The app's own name for the user (partnerClientId); a UUID unless given.",
    },
    ways_in={"partnerToken": bearer("partner_token"), "userToken": bearer("user_token")},
    begins=[unless_set("auth_id", 'pm.variables.replaceIn("{{$guid}}")')],
    folders={
        "Getting in": [
            *_asked("get_programme", **APP, lang="en"),
            Step(
                operation="get_partner_token",
                body=APP | {"partnerSecret": "{{partnerSecret}}"},
                keeps={"partner_token": "answer.data.access_token"},
            ),
            Step(
                operation="connect_user",
                put=APP | USER | {"timestamp": "{{timestamp}}", "signature": "{{signature}}"},
                prepares=SIGNED,
                keeps={"user_token": "answer.data.user.userToken"},
            ),
        ],
        "Acting": [
            *_asked("get_own_programme", lang="en"),
            Step(operation="store_action", put={"param1": "visit {{$guid}}"}),
            Step(operation="buffer_action", body={"appId": "{{appId}}", **USER, **ACTED, "param1": "cup {{$guid}}"}),
            Step(operation="store_actions", body={"items": [USER | ACTED] * 12}),
            *_asked("list_earns", limit="5"),
        ],
        "The back end": [
            *_asked("get_user_info", **USER),
            Step(operation="list_user_infos", body={"partnerClientIds": ["{{auth_id}}"]}),
            Step(operation="list_user_infos_by_query", query={"partnerClientIds": "{{auth_id}}"}),
            *_asked("get_ranking", **USER, n="5", period="week"),
            *_asked("list_changes", limit="10"),
        ],
        "Ads": [step for kind in ("bonus", "special", "news") for step in _asked(f"list_{kind}_ads", lang="en")],
        "Gifts": [
            Step(operation="list_own_gifts_by_query", query={"lang": "en"}),
            Step(
                operation="list_own_gifts",
                body={"lang": "en"},
                keeps={
                    "gift_id": "answer.data.gifts.filter(one => one.affordable)"
                    ".sort((one, other) => other.points - one.points)[0].id"
                },
            ),
            Step(operation="buy_gift", body={"giftId": "{{gift_id}}", "requestId": "{{$guid}}"}),
            *_asked("list_burns", limit="5"),
        ],
        "Leaving": [
            Step(operation="log_out"),
            Step(
                operation="connect_user",
                name="Connect again",
                put=APP | USER | {"timestamp": "{{timestamp}}", "signature": "{{signature}}"},
                prepares=SIGNED,
                keeps={"user_token": "answer.data.user.userToken"},
            ),
            Step(operation="delete_user"),
            Step(operation="delete_users", body={"partnerClientIds": ["{{auth_id}}"]}),
        ],
    },
)
