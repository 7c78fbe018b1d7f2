"""The README's walk: its commands, run in one shell, and its answers, compared but for what must differ."""

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"
BASE_URL = "http://127.0.0.1:8000"
MARK = "----- end of command -----"
VARYING = [
    (r'"id":"[a-z0-9]{11}"', '"id":"<member>"'),
    (r'"id":"\d+","street"', '"id":"<location>","street"'),
    (r'"id":"\d+"', '"id":"<transaction>"'),
    (r'"id":\d+', '"id":<token>'),
    (r'"reverses":"\d+"', '"reverses":"<transaction>"'),
    (r'"transaction_id":"\d+"', '"transaction_id":"<transaction>"'),
    (r'"(user_nft_id|campaign_id|reward_id)":("?)\d+"?', r'"\1":<\1>'),
    (r'"code":"([0-9]{9}|[0-9A-Z]{12})"', '"code":"<code>"'),
    (r"code: \d+", "code: <code>"),
    (r'"inserted_at":"\d+"', '"inserted_at":"<instant>"'),
    (r"batch \d+:", "batch <batch>:"),
    (r"in [0-9.]+ s \([0-9,]+ a second\)", "in <some time>"),
    (r"^/?[\w./-]*codes\.csv: ", "codes.csv: "),
    (r"SHA-256 [0-9a-f]{64}", "SHA-256 <digest>"),
    (r"by transaction \d+", "by transaction <transaction>"),
    (r"Transaction \d+ was", "Transaction <transaction> was"),
    (r'"order_id":\d+', '"order_id":<order>'),
    (r"0x[0-9a-f]{64}", "<hash>"),
    (r"0x[0-9a-f]{40}", "<address>"),
    (r'"request_id":"[^"]*"', '"request_id":"<request>"'),
    (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "<instant>"),
    (r"root [0-9a-f]{64}", "root <root>"),
    (r", \d{4}-\d\d-\d\d: ", ", <date>: "),
]


def steps() -> list[tuple[str, str]]:
    """Each command of the README's console blocks, with the answer it promises."""
    found: list[tuple[str, str]] = []
    for block in re.findall(r"```console\n(.*?)```", README.read_text(), re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], ""))
            else:
                command, answer = found[-1]
                found[-1] = (command, f"{answer}{line}\n")
    return found


def run(commands: list[str], *, base_url: str, folder: Path, environment: dict[str, str]) -> list[str]:
    """Run the commands in one bash; `base_url` and `folder` stand in for the README's port and var/."""
    script = "\n".join(f"{command}\necho '{MARK}'" for command in commands)
    script = (
        script.replace(BASE_URL, base_url).replace('"var/demo.json"', f'"{folder}/demo.json"').replace(" var/", f" {folder}/")
    )
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env=environment, cwd=README.parent, check=False
    )
    assert done.returncode == 0, done.stderr
    return [answer.removeprefix("\n") for answer in done.stdout.split(f"{MARK}\n")[:-1]]


def settled(answer: str) -> str:
    """An answer without what differs from run to run."""
    for pattern, word in VARYING:
        answer = re.sub(pattern, word, answer, flags=re.MULTILINE)
    return answer.strip()


def main() -> None:
    """Walk against the demo that runs on the README's own port, and exit with 1 where an answer differs."""
    planned = steps()
    told = run(
        [command for command, _ in planned], base_url=BASE_URL, folder=README.parent / "var", environment=dict(os.environ)
    )
    wrong = [
        f"$ {command}\npromised: {settled(promised)}\nanswered: {settled(answer)}\n"
        for (command, promised), answer in zip(planned, told, strict=True)
        if settled(answer) != settled(promised)
    ]
    print("\n".join(wrong) or f"{len(planned)} steps answered as the README says")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
