"""The Partner API as a Postman collection: a user comes, earns, redeems, exchanges, and is erased."""

from loyalty.api.postman import Dialect, Step, unless_set

WHO = {"auth_id": "{{auth_id}}"}
CLIENTS = {"transaction.user_auth_id": "{{auth_id}}"}
IN_POINTS = CLIENTS | {"transaction.token_id": "{{token_id}}"}
MILES_AND_MORE = WHO | {"target": "miles_and_more"}
ETIHAD = WHO | {"target": "etihad"}
REFERENCE = "Order {{$guid}}"
TO_MILES = 'answer.data.find(one => one.exchange_provider_implementation_name === "miles_and_more")'


def _running(kind: str, name: str) -> str:
    """A value of the first campaign of a kind that runs."""
    return f'answer.data.find(one => one.kind === "{kind}" && one.state === "running").{name}'


def _moved(example: str, **terms: object) -> Step:
    """A transaction of a type, as the document's example of that name has it."""
    keeps, put = terms.pop("keeps", {}), terms.pop("put", CLIENTS)
    return Step(operation="create_transaction", example=example, put=put, keeps=keeps, **terms)  # type: ignore[arg-type]


PARTNER = Dialect(
    name="Partner API",
    prefix="/api/admin",
    base="qiibee_loyalty_api_base_url",
    description="For a brand's own systems. Set `qiibee_loyalty_api_key`, and run it as a whole or one by one.",
    variables={
        "qiibee_loyalty_api_key": "The brand's API key, sent as X-API-KEY.",
        "auth_id": "Your own name for the user that is made and, at the end, erased; a UUID unless given.",
        "token_id": "The points; those of the campaign unless given.",
        "campaign_id": "A running campaign of codes for points; the first that is found unless given.",
    },
    ways_in={
        "apiKey": {
            "type": "apikey",
            "apikey": [
                {"key": "key", "value": "X-API-KEY", "type": "string"},
                {"key": "value", "value": "{{qiibee_loyalty_api_key}}", "type": "string"},
                {"key": "in", "value": "header", "type": "string"},
            ],
        }
    },
    begins=[unless_set("auth_id", 'pm.variables.replaceIn("{{$guid}}")')],
    folders={
        "Users": [
            Step(operation="create_user", put={"user.auth_id": "{{auth_id}}"}),
            Step(operation="get_user", path=WHO),
            Step(operation="list_users", query={"limit": "10", "email_like": "john"}),
            Step(operation="change_user", path=WHO),
            Step(operation="replace_user", path=WHO),
            Step(operation="get_balances", path=WHO),
        ],
        "Memberships": [
            Step(operation="create_membership", path=WHO),
            Step(operation="create_membership", name="The same, in the older form", example="Older", path=WHO),
            Step(operation="list_memberships", path=WHO),
            Step(operation="get_membership", path=MILES_AND_MORE),
            Step(operation="replace_membership", path=WHO),
            Step(operation="change_membership", path=WHO),
            Step(operation="replace_membership_at", path=MILES_AND_MORE),
            Step(operation="change_membership_at", path=MILES_AND_MORE),
            Step(operation="delete_membership", path=ETIHAD),
        ],
        "Codes": [
            Step(
                operation="list_campaigns",
                keeps={
                    "campaign_id": _running("points", "id"),
                    "token_id": _running("points", "token_id"),
                    "nft_campaign_id": _running("nft", "id"),
                    "collectible_id": _running("nft", "token_id"),
                    "miles_campaign_id": _running("external_rewards", "id"),
                },
                unless_given=frozenset({"campaign_id", "token_id"}),
            ),
            Step(
                operation="create_code",
                put={"code.campaign_id": "{{campaign_id}}", "code.reference_id": REFERENCE},
                keeps={"code": "answer.data.code"},
            ),
            Step(operation="get_code", path={"code": "{{code}}"}),
            Step(
                operation="create_code",
                name="A code for a collectible",
                body={"code": {"campaign_id": "{{nft_campaign_id}}", "value": "1"}},
                keeps={"nft_code": "answer.data.code"},
            ),
            Step(
                operation="create_code",
                name="A code for miles",
                body={"code": {"campaign_id": "{{miles_campaign_id}}", "value": "20"}},
                keeps={"miles_code": "answer.data.code"},
            ),
        ],
        "Transactions": [
            _moved(
                "Credit",
                name="Credit points",
                put=IN_POINTS | {"transaction.amount": "1000", "transaction.reference_id": REFERENCE},
                keeps={"transaction_id": "answer.data.id"},
            ),
            _moved("Debit", name="Debit points", put=IN_POINTS),
            _moved("ACodeForPoints", name="Redeem a code", put=CLIENTS | {"transaction.code": "{{code}}"}),
            _moved(
                "ACodeForACollectible",
                name="Redeem a code for a collectible",
                put=CLIENTS | {"transaction.code": "{{nft_code}}"},
            ),
            _moved("ACodeForMiles", name="Redeem a code for miles", put=CLIENTS | {"transaction.code": "{{miles_code}}"}),
            _moved("ACollectible", name="Give a collectible", put=CLIENTS | {"transaction.token_id": "{{collectible_id}}"}),
            _moved("Miles", name="Exchange points for miles", put=IN_POINTS),
            Step(
                operation="list_token_exchange_whitelist",
                keeps={
                    "partnership_token_a": f"{TO_MILES}.token_a.id",
                    "partnership_token_b": f"{TO_MILES}.token_b.id",
                },
            ),
            _moved(
                "AnExchange",
                name="Exchange, in the newer form",
                put=CLIENTS
                | {
                    "transaction.brandA_token_id": "{{partnership_token_a}}",
                    "transaction.brandB_token_id": "{{partnership_token_b}}",
                },
            ),
            Step(operation="get_transaction", path={"transaction_id": "{{transaction_id}}"}),
            Step(
                operation="reverse_transaction",
                path={"transaction_id": "{{transaction_id}}"},
                put={"reversal.reference_id": "Refund {{$guid}}"},
            ),
            Step(operation="list_transactions", query={"user_auth_id": "{{auth_id}}", "limit": "10"}),
        ],
        "Rewards": [
            Step(
                operation="list_reward_types",
                keeps={
                    "reward_type_id": 'answer.data.find(one => one.value === "100").id',
                },
            ),
            *(
                _moved(
                    "AReward",
                    name=f"Exchange points for a reward, the {place}",
                    put=IN_POINTS | {"transaction.reward_type_id": "{{reward_type_id}}"},
                    keeps={variable: "answer.data.code"},
                )
                for place, variable in (("first", "reward"), ("second", "other_reward"))
            ),
            Step(operation="get_reward", path={"reward": "{{reward}}"}),
            Step(operation="use_reward", path={"reward": "{{reward}}"}),
            Step(operation="use_reward_too", path={"reward": "{{other_reward}}"}),
        ],
        "NFTs": [
            Step(
                operation="list_nfts",
                query={"user_auth_id": "{{auth_id}}"},
                keeps={"user_nft_id": "answer.data[0].user_nft_id"},
            ),
            Step(operation="request_personalisation", path={"item_id": "{{user_nft_id}}"}),
            Step(operation="decide_personalisation", put={"userNFT.user_nft_id": "{{user_nft_id}}"}),
        ],
        "At the end": [Step(operation="erase_user", path=WHO)],
    },
)
