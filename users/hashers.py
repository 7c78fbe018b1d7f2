"""How secrets that we made ourselves are hashed."""

import hashlib
import hmac
from typing import Any

from django.contrib.auth.hashers import BasePasswordHasher, mask_hash


class RandomSecretHasher(BasePasswordHasher):
    """Salted SHA-256, for secrets of 700 bits of chance: there is nothing to guess, so slowness would only help a flood."""

    algorithm = "sha256_random"

    def encode(self, password: str, salt: str) -> str:
        """What is kept of a secret."""
        digest = hashlib.sha256(f"{salt}${password}".encode()).hexdigest()
        return f"{self.algorithm}${salt}${digest}"

    def decode(self, encoded: str) -> dict[str, str]:
        """The parts of what is kept."""
        algorithm, salt, digest = encoded.split("$", 2)
        return {"algorithm": algorithm, "salt": salt, "hash": digest}

    def verify(self, password: str, encoded: str) -> bool:
        """Whether this is the secret."""
        return hmac.compare_digest(encoded, self.encode(password, self.decode(encoded)["salt"]))

    def safe_summary(self, encoded: str) -> dict[Any, Any]:
        """What may be shown."""
        return {"algorithm": self.algorithm, "hash": mask_hash(self.decode(encoded)["hash"])}

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Take no longer: all such hashes are alike."""
