"""The pages that are not lists or rows: what each needs, and the rows it can be opened for."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from django.db.models import Model
from django.utils import timezone

from exchange.models import Difference, ExchangeOrder, Partnership, Provider
from exchange.services.partnerships import PartnershipTerms, request_partnership
from ledger.models import Account, Transaction
from rewards.models import Action, Campaign, CodeBatch, GiftOrder, Programme, Promotion, RewardType
from tests.conftest import make_brand, make_token
from users.models import (
    ApiKey,
    App,
    Approval,
    Brand,
    Email,
    EmailTemplate,
    Member,
    OAuthClient,
    Segment,
    WebhookDelivery,
    WebhookEndpoint,
)


class Page(NamedTuple):
    """One page: whoever holds any of `permissions` gets one of `statuses` for `arguments` of their own brand's rows.

    Answers to an empty POST count, too: a form that lacks something is shown again (200) or says so (302).
    """

    permissions: tuple[str, ...]
    arguments: Callable[[Brand], Iterable[tuple[object, ...]]] = lambda _brand: [()]
    statuses: frozenset[int] = frozenset({200, 302, 405})


def emails_of(brand: Brand) -> Iterable[tuple[object, ...]]:
    """The ids of members and of e-mails to them."""
    return Email.objects.filter(brand=brand, member__isnull=False).values_list("member", "pk")[:1]


OF_EVERYBODY = {"second_factor", "second_factor_set_up", "second_factor_recovery_codes", "choose_password"}
"""Pages about one's own account, of whoever is signed in."""


def accounts_of(brand: Brand) -> list[tuple[object, ...]]:
    return [(pk,) for pk in Account.objects.filter(brand=brand).values_list("pk", flat=True)[:2]]


def each(model: type[Model]) -> Callable[[Brand], Iterable[tuple[object, ...]]]:
    """Some rows of a brand's."""
    return lambda brand: [(pk,) for pk in model._default_manager.filter(brand=brand).values_list("pk", flat=True)[:2]]


PAGES: dict[str, Page] = {
    "ledger_transaction_export": Page(("ledger.export_transactions",)),
    "ledger_account_proof": Page(("ledger.view_account",), accounts_of),
    "rewards_collectible_queue": Page(("rewards.view_collectible",)),
    "rewards_collectible_decide": Page(("rewards.decide_personalisation",)),
    "ledger_account_row": Page(("ledger.view_account",), lambda brand: [(*one, 1) for one in accounts_of(brand)]),
    "rewards_rewardtype_pool": Page(("rewards.change_rewardtype",), each(RewardType)),
    "rewards_action_try": Page(("rewards.view_action",), each(Action)),
    "rewards_giftorder_move": Page(("rewards.move_giftorder",), each(GiftOrder)),
    "rewards_campaign_move": Page(("rewards.change_campaign",), each(Campaign)),
    "rewards_campaign_copy": Page(("rewards.add_campaign",), each(Campaign)),
    "rewards_campaign_generate": Page(("rewards.generate_codes",), each(Campaign)),
    "rewards_codebatch_move": Page(("rewards.generate_codes",), each(CodeBatch)),
    "rewards_codebatch_progress": Page(("rewards.view_codebatch",), each(CodeBatch)),
    "rewards_codebatch_download": Page(("rewards.download_codes",), each(CodeBatch)),
    "users_auditentry_export": Page(("users.view_auditentry",)),
    "money_credit": Page(("ledger.credit_member",), each(Member)),
    "money_debit": Page(("ledger.debit_member",), each(Member)),
    "money_extend": Page(("ledger.extend_expiry",), each(Member)),
    "money_reverse": Page(("ledger.reverse_transaction",), each(Transaction)),
    "money_receipt": Page(("ledger.view_transaction",), each(Transaction)),
    "money_approve": Page(("users.approve",), each(Approval)),
    "money_refuse": Page(("users.approve",), each(Approval)),
    "money_withdraw": Page(("users.view_approval",), each(Approval)),
    "exchange_settle": Page(("exchange.decide_exchange",), each(ExchangeOrder)),
    "exchange_refund": Page(("exchange.decide_exchange",), each(ExchangeOrder)),
    "users_member_merge": Page(("users.merge_member",), each(Member)),
    "users_member_export": Page(("users.export_member",), each(Member)),
    "users_member_erase": Page(("users.erase_member",), each(Member)),
    "users_member_resend": Page(("users.queue_email",), emails_of),
}


def received(brand: Brand) -> list[tuple[object, ...]]:
    """A partnership in which a brand receives; made here, for the lists tell that what they show is given by the brand."""
    token_a = make_token(make_brand())
    terms = PartnershipTerms(brand_id=token_a.brand_id, token_a_id=token_a.pk, token_b_id=make_token(brand).pk)
    return [(request_partnership(terms=terms, actor="test", at=timezone.now()).pk,)]


EXCHANGE = {
    "exchange_exchangeorder_ask": Page(("exchange.decide_exchange",), each(ExchangeOrder)),
    "exchange_exchangeorder_resume": Page(("exchange.decide_exchange",), each(ExchangeOrder)),
    "exchange_difference_resolve": Page(("exchange.resolve_difference",), each(Difference)),
    "exchange_partnership_approve": Page(("exchange.decide_partnership",), received),
    "exchange_partnership_change_terms": Page(("exchange.change_partnership",), each(Partnership)),
    "exchange_partnership_withdraw": Page(("exchange.decide_partnership",), each(Partnership)),
    "exchange_partnership_cancel": Page(("exchange.decide_partnership",), each(Partnership)),
    "exchange_provider_pause": Page(("exchange.operate_provider",), each(Provider)),
    "exchange_provider_resume": Page(("exchange.operate_provider",), each(Provider)),
    "exchange_provider_close_breaker": Page(("exchange.operate_provider",), each(Provider)),
    "exchange_provider_number_files": Page(("exchange.operate_provider",), each(Provider)),
    "exchange_provider_statements": Page(("exchange.export_statement",), each(Provider)),
}
INTEGRATIONS = {
    "users_apikey_rotate": Page(("users.rotate_apikey",), each(ApiKey)),
    "users_apikey_revoke": Page(("users.revoke_apikey",), each(ApiKey)),
    "users_oauthclient_rotate": Page(("users.rotate_oauthclient",), each(OAuthClient)),
    "users_oauthclient_revoke": Page(("users.revoke_oauthclient",), each(OAuthClient)),
    "users_app_rotate_partner": Page(("users.rotate_app",), each(App)),
    "users_app_rotate_app": Page(("users.rotate_app",), each(App)),
    "users_app_rotate_keys": Page(("users.rotate_app",), each(App)),
    "users_app_revoke": Page(("users.revoke_app",), each(App)),
    "users_webhookendpoint_rotate": Page(("users.rotate_webhook_secret",), each(WebhookEndpoint)),
    "users_webhookendpoint_test": Page(("users.test_webhook",), each(WebhookEndpoint)),
    "users_webhookdelivery_send_again": Page(("users.queue_webhook",), each(WebhookDelivery)),
    "users_emailtemplate_send_test": Page(("users.change_emailtemplate",), each(EmailTemplate)),
    "users_emailtemplate_preview": Page(("users.add_emailtemplate", "users.change_emailtemplate")),
}
SEGMENTS = {
    "users_segment_by_rule": Page(("users.add_segment",)),
    "users_segment_rule": Page(("users.change_segment",), each(Segment)),
    "users_segment_rename": Page(("users.change_segment",), each(Segment)),
    "users_segment_members": Page(("users.view_segmentmember",), each(Segment)),
    "users_segment_add_members": Page(("users.add_segmentmember",), each(Segment)),
    "users_segment_remove": Page(("users.delete_segmentmember",), each(Segment)),
    "users_segment_import": Page(("users.add_segmentmember",), each(Segment)),
}
EARNING = {
    "rewards_programme_set_base_rate": Page(("rewards.change_programme",), each(Programme)),
    "rewards_promotion_publish": Page(("rewards.publish_promotion",), each(Promotion)),
    "rewards_promotion_pause": Page(("rewards.publish_promotion",), each(Promotion)),
    "rewards_promotion_resume": Page(("rewards.publish_promotion",), each(Promotion)),
    "rewards_promotion_end": Page(("rewards.publish_promotion",), each(Promotion)),
    "rewards_promotion_copy": Page(("rewards.add_promotion",), each(Promotion)),
    "rewards_programme_ranking": Page(("users.view_member",), each(Programme)),
    "rewards_promotion_try": Page(("rewards.view_promotion",), each(Promotion)),
    "rewards_promotion_past": Page(("rewards.view_promotion",), each(Promotion)),
}
PAGES |= EXCHANGE | INTEGRATIONS | SEGMENTS | EARNING
