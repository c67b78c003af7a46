"""The text of balances is their rows as an entry has them, however it is made."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contracts.entry import encode
from ledger.domain.standing import Account
from ledger.parts import balances_of, balances_text

WORDS = st.sampled_from(("A", "B", "100%", "%d", 'a"b', "é"))
AMOUNTS = st.one_of(st.integers(-3, 3), st.integers(-(2**53), 2**53))
STATES = st.sampled_from(("credit", "withheld"))


@given(
    st.dictionaries(st.tuples(WORDS, WORDS, WORDS), AMOUNTS, max_size=4),
    st.lists(st.tuples(WORDS, WORDS, WORDS, STATES, AMOUNTS), max_size=1),
)
def test_the_text_of_balances_is_that_of_their_rows(
    accrued: dict[tuple[str, str, str], int], others: list[tuple[str, str, str, str, int]]
) -> None:
    account = Account()
    for key, amount in accrued.items():
        account.add_balance(key, amount)
    assert balances_text(account) == encode(balances_of(account))[1:-1]
    for *key, state, amount in others:
        account.add_other((key[0], key[1], key[2]), state, amount)
    assert balances_text(account) == encode(balances_of(account))[1:-1]
