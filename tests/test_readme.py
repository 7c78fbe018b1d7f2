"""The README's walk gives the answers that the README shows."""

import signal
import subprocess
import sys

import httpx
import pytest

from tests import walk
from tests.faults.server import ROOT, environment, family_of, free_port, wait_for


def answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.HTTPError:
        return False


@pytest.mark.long  # .ci/run takes the walk in a fresh clone
@pytest.mark.timeout(400)
def test_the_walk_answers_what_the_readme_says(tmp_path):
    port, setting = free_port(), environment(tmp_path)
    command = [sys.executable, "manage.py", "serve", "--demo", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=setting, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as serve:
        try:
            wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz"), seconds=200)

            told = walk.run(
                [command for command, _ in walk.steps()],
                base_url=f"http://127.0.0.1:{port}",
                folder=tmp_path,
                environment=setting | {"UV_OFFLINE": "1", "UV_NO_SYNC": "1"},
            )
        finally:
            serve.send_signal(signal.SIGINT)
            serve.wait(timeout=60)
    assert family_of(serve.pid) == []
    for (command, promised), answer in zip(walk.steps(), told, strict=True):
        assert walk.settled(answer) == walk.settled(promised), command


def test_the_walk_is_not_empty():
    assert len([answer for _, answer in walk.steps() if answer]) >= 12
