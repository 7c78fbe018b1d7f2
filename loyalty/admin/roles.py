"""The roles of brand staff, and what each may do: one table, written into Django's groups after each migration.

An auditor reads everything and changes nothing: every `view` permission, and no other.
"""

from typing import Any

from django.contrib.auth.models import Group, Permission

BRAND_MANAGER, CAMPAIGN_MANAGER, SERVICE_AGENT = "Brand manager", "Campaign manager", "Service agent"
FINANCE, AUDITOR = "Finance", "Auditor"
LETTERS = {"B": BRAND_MANAGER, "C": CAMPAIGN_MANAGER, "S": SERVICE_AGENT, "F": FINANCE}
ROLES = (*LETTERS.values(), AUDITOR)

# Who holds a permission, by letters. One that nobody of a brand may hold, auditors aside, stands with an empty text.
TABLE: dict[str, dict[str, str]] = {
    "users": {
        "view_brand": "BCSF",
        "change_brand": "B",
        "view_staff": "B",
        "add_staff": "B",
        "change_staff": "B",
        "view_auditentry": "B",
        "view_member": "BSF",
        "view_approval": "BSF",
        "approve": "BF",
        "view_personal_data": "BS",
        "merge_member": "BS",
        "export_member": "BS",
        "erase_member": "B",
        "view_segment": "BCS",
        "add_segment": "BC",
        "change_segment": "BC",
        "view_segmentmember": "BS",
        "add_segmentmember": "BCS",
        "delete_segmentmember": "BS",
        "view_email": "BS",
        "queue_email": "BS",
        "view_emailtemplate": "BC",
        "add_emailtemplate": "BC",
        "change_emailtemplate": "BC",
        "delete_emailtemplate": "BC",
        "view_apikey": "B",
        "add_apikey": "B",
        "rotate_apikey": "B",
        "revoke_apikey": "B",
        "view_oauthclient": "B",
        "add_oauthclient": "B",
        "rotate_oauthclient": "B",
        "revoke_oauthclient": "B",
        "view_app": "B",
        "add_app": "B",
        "rotate_app": "B",
        "revoke_app": "B",
        "view_webhookendpoint": "B",
        "add_webhookendpoint": "B",
        "change_webhookendpoint": "B",
        "rotate_webhook_secret": "B",
        "test_webhook": "B",
        "view_webhookdelivery": "B",
        "queue_webhook": "B",
    },
    "ledger": {
        "view_token": "BCSF",
        "change_token": "B",
        "view_account": "BSF",
        "credit_member": "BSF",
        "debit_member": "BSF",
        "extend_expiry": "BSF",
        "view_transaction": "BSF",
        "view_proofrun": "BF",
        "reverse_transaction": "BSF",
        "export_transactions": "BF",
    },
    "rewards": {
        "view_campaign": "BCSF",
        "add_campaign": "BC",
        "change_campaign": "BC",
        "view_codebatch": "BC",
        "generate_codes": "BC",
        "download_codes": "BC",
        "view_code": "BCS",
        "revoke_code": "BC",
        "view_rewardtype": "BCSF",
        "add_rewardtype": "BC",
        "change_rewardtype": "BC",
        "view_rewardtypetext": "BCSF",
        "add_rewardtypetext": "BC",
        "change_rewardtypetext": "BC",
        "delete_rewardtypetext": "BC",
        "view_rewardtypelocation": "BCSF",
        "add_rewardtypelocation": "BC",
        "change_rewardtypelocation": "BC",
        "delete_rewardtypelocation": "BC",
        "view_programme": "BCSF",
        "add_programme": "BC",
        "change_programme": "BC",
        "view_promotion": "BCSF",
        "add_promotion": "BC",
        "change_promotion": "BC",
        "publish_promotion": "BC",
        "view_promotionsegment": "BCSF",
        "add_promotionsegment": "BC",
        "change_promotionsegment": "BC",
        "delete_promotionsegment": "BC",
        "view_earning": "BSF",
        "view_action": "BCSF",
        "add_action": "BC",
        "change_action": "BC",
        "view_actionsegment": "BCSF",
        "add_actionsegment": "BC",
        "change_actionsegment": "BC",
        "delete_actionsegment": "BC",
        "view_inboxitem": "BCS",
        "requeue_inboxitem": "BC",
        "view_ad": "BCSF",
        "add_ad": "BC",
        "change_ad": "BC",
        "view_adtext": "BCSF",
        "add_adtext": "BC",
        "change_adtext": "BC",
        "delete_adtext": "BC",
        "view_adsegment": "BCSF",
        "add_adsegment": "BC",
        "change_adsegment": "BC",
        "delete_adsegment": "BC",
        "view_rewardtypesegment": "BCSF",
        "add_rewardtypesegment": "BC",
        "change_rewardtypesegment": "BC",
        "delete_rewardtypesegment": "BC",
        "view_category": "BCSF",
        "add_category": "BC",
        "change_category": "BC",
        "view_categorytext": "BCSF",
        "add_categorytext": "BC",
        "change_categorytext": "BC",
        "delete_categorytext": "BC",
        "view_location": "BCSF",
        "add_location": "BC",
        "change_location": "BC",
        "view_reward": "BS",
        "view_giftorder": "BS",
        "move_giftorder": "BS",
        "view_collectible": "BCS",
        "decide_personalisation": "BCS",
        "view_collectiblesupply": "BC",
        "add_collectiblesupply": "BC",
        "change_collectiblesupply": "BC",
    },
    "exchange": {
        "view_provider": "BF",
        "operate_provider": "BF",
        "export_statement": "BF",
        "view_providerchange": "BF",
        "view_partnership": "BF",
        "add_partnership": "BF",
        "change_partnership": "BF",
        "decide_partnership": "BF",
        "view_partnershipchange": "BF",
        "view_exchangeorder": "BSF",
        "view_exchangeattempt": "BSF",
        "view_exchangemove": "BSF",
        "decide_exchange": "BF",
        "view_difference": "BF",
        "resolve_difference": "BF",
        "view_accrualfile": "BF",
        "view_answerfile": "BF",
    },
}


def permissions_of(role: str) -> set[tuple[str, str]]:
    """What a role may do, as (app, codename)."""
    if role == AUDITOR:
        return {(app, name) for app, rows in TABLE.items() for name in rows if name.startswith("view_")}
    letter = next(letter for letter, name in LETTERS.items() if name == role)
    return {(app, name) for app, rows in TABLE.items() for name, letters in rows.items() if letter in letters}


def sync_roles(**_: Any) -> None:
    """Make the groups, with the permissions that the table gives them and no other."""
    known = {(row.content_type.app_label, row.codename): row for row in Permission.objects.select_related("content_type")}
    for role in ROLES:
        group, _made = Group.objects.get_or_create(name=role)
        group.permissions.set([known[key] for key in sorted(permissions_of(role)) if key in known])
