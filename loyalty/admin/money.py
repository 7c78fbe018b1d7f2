"""Points moved by hand: the forms of staff, and the approvals by which a second person says yes or no."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.models import ExchangeOrder
from exchange.services.second_person import approve_ending, ask_refund, ask_settlement
from ledger.models import Account, Lot, Note, Transaction
from ledger.selectors import balances_of
from ledger.services.acts import ACTS, Act, Extension, Movement, Reversal
from ledger.services.by_hand import Hand, approve_by_hand, do_by_hand
from loyalty.admin.base import ReadOnlyAdmin, staff_of
from loyalty.admin.masking import sees_personal_data, shown_text
from loyalty.admin.money_facts import Fact, facts_of, held, left_of
from loyalty.admin.money_forms import ExtensionForm, HandForm, MovementForm, ReversalForm, SettlementForm
from loyalty.admin.outcomes import tell
from loyalty.admin.reauthentication import recently_authenticated
from loyalty.errors import InvalidRequest, LoyaltyError
from users.models import Approval, ApprovalState, Member
from users.models.approvals import OPEN_FIRST
from users.services.approvals import may_be_one, refuse_approval, withdraw_approval

MOST_LOTS = 200


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    """What was asked for and what came of it; those that wait come first."""

    list_display = ["kind", "brand", "points", "member", "asked_by", "asked_at", "until", "state", "decided_by"]
    list_filter = ["state", "kind"]
    list_select_related = ["brand", "member", "asked_by", "decided_by"]

    def get_ordering(self, request: HttpRequest) -> Any:
        """Open ones first, then the newest."""
        return [OPEN_FIRST.asc(), "-asked_at", "-pk"]

    def get_urls(self) -> list[Any]:
        """The pages of money stand under the approvals."""
        pages: list[tuple[str, Callable[..., Any], str]] = [
            ("member/<int:pk>/credit/", self.credit, "money_credit"),
            ("member/<int:pk>/debit/", self.debit, "money_debit"),
            ("member/<int:pk>/extend/", self.extend, "money_extend"),
            ("transaction/<int:pk>/reverse/", self.reverse, "money_reverse"),
            ("transaction/<int:pk>/receipt/", self.receipt, "money_receipt"),
            ("exchange/<int:pk>/settle/", self.settle, "exchange_settle"),
            ("exchange/<int:pk>/refund/", self.refund, "exchange_refund"),
            ("<int:pk>/approve/", self.approve, "money_approve"),
            ("<int:pk>/refuse/", self.refuse, "money_refuse"),
            ("<int:pk>/withdraw/", self.withdraw, "money_withdraw"),
        ]
        own = [path(route, self.admin_site.admin_view(view), name=name) for route, view, name in pages]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One approval: exactly what is asked, beside the member's balance, and what one may do about it."""
        approval = self.get_scoped_object(request, object_id, permission="users.view_approval")
        staff, now = staff_of(request), timezone.now()
        waits, own = approval.state == ApprovalState.ASKED and approval.until > now, approval.asked_by_id == staff.pk
        tied = waits and not own and may_be_one(approval.asked_by_id, staff.pk)
        judges = own or staff.has_perm("users.approve")  # nobody can decide about a reason that is hidden from them
        if (approval.reason or approval.decision_reason) and (judges or sees_personal_data(request)):
            self.tell_look(request, approval)
        told = {
            "approval": approval,
            "waits": waits,
            "facts": facts_of(approval, at=now),
            "reason": approval.reason if judges else shown_text(request, approval.reason),
            "decision_reason": approval.decision_reason if judges else shown_text(request, approval.decision_reason),
            "digest": bytes(approval.digest).hex(),
            "may_decide": waits and staff.has_perm("users.approve") and not own and not tied,
            "tied": tied,
            "may_withdraw": waits and own,
        }
        return self._page(request, "approval.html", approval.get_kind_display(), told)

    # Deciding.

    @recently_authenticated()
    def approve(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say yes: it is done at once, and the ledger's row is shown."""
        approval = self.get_scoped_object(request, pk, permission="users.approve")
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        terms = {"brand_id": approval.brand_id, "approval_id": approval.pk, "staff_id": staff_of(request).pk}
        try:
            if approval.kind in ACTS:
                posted = approve_by_hand(**terms, at=timezone.now())
                messages.success(request, _("Approved, and done."))
                return self._to("money_receipt", posted.id)
            approve_ending(**terms, at=timezone.now())
            messages.success(request, _("Approved, and done."))
        except LoyaltyError as refusal:
            tell(request, refusal, approval)
        return self._to("users_approval_change", approval.pk)

    def refuse(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say no, and why."""
        approval = self.get_scoped_object(request, pk, permission="users.approve")
        verb = partial(refuse_approval, reason=request.POST.get("reason", ""))
        return self._decide(request, approval, verb, _("Refused."))

    def withdraw(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take back what one asked for."""
        approval = self.get_scoped_object(request, pk, permission="users.view_approval")
        return self._decide(request, approval, withdraw_approval, _("Withdrawn."))

    def _decide(self, request: HttpRequest, approval: Approval, verb: Callable[..., object], told: Any) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        terms = {"brand_id": approval.brand_id, "approval_id": approval.pk, "staff_id": staff_of(request).pk}
        try:
            verb(**terms, at=timezone.now())
            messages.success(request, told)
        except LoyaltyError as refusal:
            tell(request, refusal, approval)
        return self._to("users_approval_change", approval.pk)

    # Points by hand.

    @recently_authenticated()
    def credit(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give points."""
        return self._movement(request, self._row(request, Member, pk, "ledger.credit_member"), 1, _("Give points"))

    @recently_authenticated()
    def debit(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take points."""
        return self._movement(request, self._row(request, Member, pk, "ledger.debit_member"), -1, _("Take points"))

    def _movement(self, request: HttpRequest, member: Member, sign: int, title: Promise | str) -> HttpResponse:
        balances = balances_of(member, at=timezone.now())
        form = MovementForm(request.POST or None, tokens=[one.token for one in balances])

        def act() -> Act:
            told = form.cleaned_data
            return Movement(member_id=member.pk, token_id=told["token"], amount=sign * told["amount"])

        facts = [Fact(_("Member"), member), *(Fact(one.token.name, one.points) for one in balances)]
        return self._by_hand(request, form, member, act, {"title": title, "facts": facts})

    @recently_authenticated()
    def reverse(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Undo a transaction, or a part of it."""
        row: Transaction = self._row(request, Transaction, pk, "ledger.reverse_transaction")
        left, account = left_of(row), row.account
        form = ReversalForm(request.POST or None, initial={"amount": left})
        facts = [
            Fact(_("Member"), account.member),
            Fact(_("Transaction"), f"{row.pk}, {row.get_type_display()}, {row.amount:+d} {account.token.symbol}"),
            Fact(_("Recorded"), row.brand.local_text(row.recorded_at)),
            Fact(_("Left of it"), left, strong=True),
            Fact(_("Balance now"), held(account.member, account.token_id, at=timezone.now())),
        ]

        def act() -> Act:
            return Reversal(transaction_id=row.pk, amount=form.cleaned_data["amount"])

        return self._by_hand(request, form, row, act, {"title": _("Reverse a transaction"), "facts": facts})

    @recently_authenticated()
    def extend(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let points lapse later."""
        member: Member = self._row(request, Member, pk, "ledger.extend_expiry")
        now, title = timezone.now(), _("Extend the expiry of points")
        accounts = Account.objects.filter(brand_id=member.brand_id, member=member, next_expiry_at__isnull=False)
        choice = list(accounts.select_related("token", "brand").order_by("token_id"))
        asked = request.GET.get("account", "")
        account = next((one for one in choice if str(one.pk) == asked), choice[0] if choice else None)
        facts = [Fact(_("Member"), member)]
        if account is None:
            told = {"facts": facts, "nothing": _("This member has no points that lapse.")}
            return self._page(request, "form.html", title, told)
        lots = Lot.objects.filter(brand_id=member.brand_id, account=account, remaining__gt=0, expires_at__gt=now)
        form = ExtensionForm(
            request.POST or None,
            account=account,
            lots=list(lots.order_by("expires_at", "sequence")[:MOST_LOTS]),
            zone=member.brand.zone,
        )

        def act() -> Act:
            lots = tuple(form.cleaned_data["lots"])
            return Extension(account_id=account.pk, lots=lots, expires_at=form.expires_at())

        facts.append(Fact(str(account.token), held(member, account.token_id, at=now)))
        further = {"title": title, "facts": facts, "accounts": choice if len(choice) > 1 else [], "account": account}
        return self._by_hand(request, form, member, act, further)

    def receipt(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What was posted: the new balance, and the hash that proves it."""
        row: Transaction = self._row(request, Transaction, pk, "ledger.view_transaction")
        note = Note.objects.filter(transaction=row).values_list("text", flat=True).first()
        if note and sees_personal_data(request):
            self.tell_look(request, row)
        facts = [
            Fact(_("Member"), row.account.member),
            Fact(_("Movement"), f"{row.amount:+d} {row.account.token.symbol}", strong=True),
            Fact(_("New balance"), row.balance_after, strong=True),
            Fact(_("Transaction"), row.pk),
            Fact(_("Number within the account"), row.sequence),
            Fact(_("Reason"), shown_text(request, note)),
            Fact(_("Recorded"), row.brand.local_text(row.recorded_at)),
        ]
        told = {"facts": facts, "hash": f"0x{bytes(row.hash).hex()}", "row": row, "member": row.account.member}
        return self._page(request, "receipt.html", row.get_type_display(), told)

    def _by_hand(
        self,
        request: HttpRequest,
        form: HandForm,
        about: Member | Transaction,
        act: Callable[[], Act],
        context: dict[str, Any],
    ) -> HttpResponse:
        """Show the form; or do what it says, or ask for it, and show what came of it. A refusal loses nothing of the form."""

        def doing() -> HttpResponse:
            told = form.cleaned_data
            hand = Hand(brand_id=about.brand_id, staff_id=staff_of(request).pk, reason=told["reason"], form=told["form"])
            handled = do_by_hand(act=act(), hand=hand, at=timezone.now())
            if handled.repeated:
                messages.info(request, _("This form had been sent before: it was done once."))
            if handled.transaction_id is not None:
                return self._to("money_receipt", handled.transaction_id)
            messages.success(request, _("Above the limit: a second person must approve it now."))
            return self._to("users_approval_change", handled.approval_id)

        return self._attempt(request, form, about, doing, context | {"limit": about.brand.staff_limit_points})

    # Exchanges by hand.

    @recently_authenticated()
    def settle(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask to settle a parked exchange."""
        order: ExchangeOrder = self._row(request, ExchangeOrder, pk, "exchange.decide_exchange")
        form = SettlementForm(request.POST or None)
        return self._ending(request, order, form, ask_settlement, _("Settle an exchange by hand"))

    @recently_authenticated()
    def refund(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask to give the points of a parked exchange back."""
        order: ExchangeOrder = self._row(request, ExchangeOrder, pk, "exchange.decide_exchange")
        return self._ending(request, order, HandForm(request.POST or None), ask_refund, _("Refund an exchange by hand"))

    def _ending(
        self, request: HttpRequest, order: ExchangeOrder, form: HandForm, ask: Callable[..., Approval], title: Promise | str
    ) -> HttpResponse:
        def doing() -> HttpResponse:
            terms = {"brand_id": order.brand_id, "order_id": order.pk, "staff_id": staff_of(request).pk}
            approval = ask(**terms, **form.cleaned_data, at=timezone.now())
            messages.success(request, _("A second person must approve it now."))
            return self._to("users_approval_change", approval.pk)

        facts = [
            Fact(_("Member"), order.member),
            Fact(_("Exchange"), order.reference),
            Fact(_("Points"), f"{order.points} {order.partnership.token_a.symbol}"),
            Fact(_("For"), f"{order.received} {order.token_b.symbol}"),
            Fact(_("State"), order.state, strong=True),
        ]
        return self._attempt(request, form, order, doing, {"title": title, "facts": facts, "always": True})

    # What they share.

    def _attempt(
        self,
        request: HttpRequest,
        form: forms.Form,
        about: Model,
        doing: Callable[[], HttpResponse],
        context: dict[str, Any],
    ) -> HttpResponse:
        if request.method == "POST" and form.is_valid():
            try:
                return doing()
            except InvalidRequest as refusal:
                for error in refusal.errors:
                    form.add_error(error.field if error.field in form.fields else None, error.detail)
            except LoyaltyError as refusal:
                tell(request, refusal, about)
        return self._page(request, "form.html", context["title"], context | {"form": form})

    def _row(self, request: HttpRequest, model: type[Model], pk: int, permission: str) -> Any:
        """A row of another page, within its wall."""
        return self.admin_site.get_model_admin(model).get_scoped_object(request, pk, permission=permission)

    def _page(self, request: HttpRequest, template: str, title: Promise | str, told: dict[str, Any]) -> TemplateResponse:
        context = self.admin_site.each_context(request) | {"opts": self.opts} | told | {"title": title}
        return TemplateResponse(request, f"admin/money/{template}", context)

    @staticmethod
    def _to(page: str, pk: int | None) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse(f"admin:{page}", args=[pk]))
