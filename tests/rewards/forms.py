"""Whether a code can be one of a form, judged by the definition and not by how codes are drawn."""

from rewards.rules.codes import CodeForm


def is_well_formed(form: CodeForm, code: str) -> bool:
    """Whether a code can be one of this form: what is mistyped in one place is not."""
    body = code.removeprefix(form.prefix)
    if len(code) != form.length or not code.startswith(form.prefix) or not set(body) <= set(form.alphabet):
        return False
    values = [form.alphabet.index(character) for character in body]
    weights = [pow(2, len(values) - 1 - position, form.prime) for position in range(len(values))]
    return not form.check or sum(w * v for w, v in zip(weights, values, strict=True)) % form.prime == 0
