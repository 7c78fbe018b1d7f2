"""The short form of the benchmark: pages make few queries, and no more of them in a larger brand."""

import pytest

from ledger.services.proof import prove
from ledger.services.rollups import check_rollup
from ledger.services.tallying import LEDGER
from tests.benchmarks.backoffice import MOST_QUERIES, ROLLUPS, grown, pages, queries, roll_up
from tests.benchmarks.growing import STEPS


@pytest.mark.timeout(900)
@pytest.mark.parametrize("choices", [1, pytest.param(None, marks=pytest.mark.long)])  # of each filter; None: all of them
def test_no_page_makes_more_queries_for_more_rows(committed, choices):
    small, large = grown(1_200), grown(2_400)  # each has more than one page of everything that grows
    roll_up(small)
    roll_up(large)

    found = {
        name: (queries(small, of_small), queries(large, of_large))
        for (name, of_small), of_large in zip(pages(small, choices).items(), pages(large, choices).values(), strict=True)
    }

    assert {name: counts for name, counts in found.items() if max(counts) > MOST_QUERIES} == {}
    # A list of more than one page is estimated, which takes one statement.
    assert {name: counts for name, counts in found.items() if counts[1] > counts[0] + 1} == {}
    assert [told for rollup in ROLLUPS for told in check_rollup(rollup, large.brand.pk).differences] == []
    assert check_rollup(LEDGER, large.brand.pk).compared > 0


def test_the_ledger_of_a_grown_brand_is_a_true_one(committed):
    side = grown(100)

    proof = prove(brand_id=side.brand.pk)

    assert proof.differences == []
    assert proof.rows >= 10 * len(STEPS)
