"""Writers that never give up: each order goes out again under its key until it is acknowledged."""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import httpx

from tests.faults.server import Caller, Platform

GIVE_UP_SECONDS = 60
PASSING = {409, 503}


@dataclass
class Load:
    """What the writers sent, and what they were told."""

    platform: Platform
    wallets: list[str]
    acknowledged: dict[str, tuple[str, str]] = field(default_factory=dict)  # key: wallet, transaction id
    disturbed: int = 0
    faults: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def write(self, writer: int) -> None:
        """One writer: credits of 1, one after the other."""
        wallet = self.wallets[writer % len(self.wallets)]
        with self.platform.client(timeout=20) as client:
            for number in count():
                if self.stopping.is_set():
                    return
                self._order(client, wallet, f"{wallet} {writer} {number} {secrets.token_hex(4)}")

    def _order(self, client: Caller, wallet: str, key: str) -> None:
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            try:
                answer = client.credit(wallet, 1, key=key, reference_id=key)
            except httpx.TransportError:
                self.disturbed += 1
                time.sleep(0.05)
                continue
            if answer.status_code == 202:
                self.acknowledged[key] = (wallet, answer.json()["data"]["id"])
                return
            self.disturbed += 1
            if answer.status_code not in PASSING:
                self.faults.append(f"{answer.status_code} {answer.text}")
                return
            time.sleep(0.05)
        self.faults.append(f"{key} was not acknowledged in {GIVE_UP_SECONDS} s")

    def wait_for_more(self, number: int, *, seconds: float = 60) -> None:
        """Wait until so many further orders are acknowledged."""
        wanted, deadline = len(self.acknowledged) + number, time.monotonic() + seconds
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, f"no progress in {seconds} s; {self.faults[:3]}"
            time.sleep(0.02)

    def check(self) -> None:
        """Nothing acknowledged is lost, nothing was done twice, and the ledger holds."""
        assert self.faults == []
        with self.platform.client() as client:
            for wallet in set(self.wallets):
                told = sorted(id_ for where, id_ in self.acknowledged.values() if where == wallet)
                assert sorted(client.transaction_ids(wallet)) == told
                assert client.balance(wallet) == len(told)
        self.platform.prove()


@contextmanager
def under_load(platform: Platform, *, writers: int, wallets: int) -> Iterator[Load]:
    """Writers at work; at the end each has finished its last order."""
    with platform.client() as client:
        load = Load(platform, [client.add_user() for _ in range(wallets)])
    threads = [threading.Thread(target=load.write, args=[writer]) for writer in range(writers)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.stopping.set()
        for thread in threads:
            thread.join()
