"""What is asked of someone who orders codes in bulk."""

from django import forms
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from loyalty.admin.money_forms import new_name
from rewards.services.generating import HIGHEST_VALUE, MOST_CODES


class GenerateForm(forms.Form):
    """How many codes, and of which worth; and the form's own name, by which it orders once."""

    count = forms.IntegerField(
        label=gettext_lazy("How many codes"), min_value=1, max_value=MOST_CODES, widget=UnfoldAdminIntegerFieldWidget()
    )
    value = forms.IntegerField(
        label=gettext_lazy("What each is worth"),
        help_text=gettext_lazy("Points, or items of a collectible."),
        min_value=1,
        max_value=HIGHEST_VALUE,
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    length = forms.IntegerField(
        label=gettext_lazy("Length"),
        help_text=gettext_lazy("Of the whole code; empty: the campaign's own. Many codes must be long, or they are guessed."),
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    reference = forms.CharField(max_length=50, widget=forms.HiddenInput, initial=new_name)
