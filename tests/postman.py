"""The Postman collections, run against the demo by newman, as someone would who comes with Postman.

Needs newman 6 on the path, or Node.js's npx. A refused answer ends it with 1; so does a wrong key that lets in.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

DEMO = Path(__file__).resolve().parent.parent / "var" / "demo.json"
NEWMAN = "newman@6.2.2"


def environments(demo: Mapping[str, Any], member: str) -> dict[str, dict[str, str]]:
    """What a user of each collection sets, by the collection's name; `member` is one of the first brand."""
    brand = demo["brands"][0]
    app, client = brand["app"], brand["retail"]
    return {
        "partner": {
            "qiibee_loyalty_api_key": brand["api_key"],
            "auth_id": str(uuid.uuid4()),
            "token_id": str(brand["tokens"]["points"]),
            "campaign_id": str(brand["campaigns"]["points"]),
        },
        "retail": {
            "retail_client_id": client["client_id"],
            "retail_client_secret": client["client_secret"],
            "auth_id": member,
        },
        "app": {name: str(app[name]) for name in ("APMPartnerID", "partnerSecret", "appId", "appSecret")},
    }


def new_member(demo: Mapping[str, Any]) -> str:
    """A member of the first brand, for the API that makes none."""
    key = demo["brands"][0]["api_key"]
    user = {"user": {"email": "postman@example.org"}}
    answer = httpx.post(f"{demo['base_url']}/api/admin/users", json=user, headers={"X-API-KEY": key}, timeout=30)
    auth_id: str = answer.raise_for_status().json()["data"]["auth_id"]
    return auth_id


def run(collection: Path, values: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one collection with an environment."""
    command = ["newman"] if shutil.which("newman") else ["npx", "--yes", NEWMAN]
    told = [word for name, value in values.items() for word in ("--env-var", f"{name}={value}")]
    return subprocess.run(
        [*command, "run", str(collection), *told, "--color", "off", "--timeout-request", "30000"],
        capture_output=True,
        text=True,
        check=False,
    )


def main() -> None:
    """Run all three against the demo that is running, and exit with 1 where anything is refused."""
    demo = json.loads(DEMO.read_text())
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, values in environments(demo, new_member(demo)).items():
            file = Path(folder) / f"{name}.json"
            answer = httpx.get(f"{demo['base_url']}/api/docs/{name}.postman_collection.json", timeout=60)
            file.write_text(answer.raise_for_status().text)
            planned = sum(len(folder["item"]) for folder in answer.json()["item"])
            done = run(file, values)
            made = _requests(done.stdout)
            print(done.stdout[-6_000:] if done.returncode else f"{name}: {made} of {planned} requests answered")
            wrong += done.returncode != 0 or made != planned
            if name == "partner":
                wrong += _fails_to_differ(file, values)
    sys.exit(1 if wrong else 0)


def _fails_to_differ(file: Path, values: Mapping[str, str]) -> int:
    """1 where a wrong key passes, and the runs show nothing, or the key alone does not suffice; else 0."""
    key = {"qiibee_loyalty_api_key": values["qiibee_loyalty_api_key"]}
    if run(file, values | {"qiibee_loyalty_api_key": "wrong"}).returncode == 0:
        print("partner: a wrong key passes")
        return 1
    alone = run(file, key)
    print(alone.stdout[-6_000:] if alone.returncode else "partner: the key alone suffices")
    return int(alone.returncode != 0)


def _requests(told: str) -> int:
    """How many requests newman made, out of its table."""
    line = next((line for line in told.splitlines() if "requests" in line), "││0")
    return int(line.split("│")[2])


if __name__ == "__main__":
    main()
