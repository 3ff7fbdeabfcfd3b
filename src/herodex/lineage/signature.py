"""Sign a bento with the operator's own key, and check the signature, by OpenSSF model signing.

Only these two need the package `model-signing`; keys are files, and nothing is sent over the network.
"""

import importlib.util
from pathlib import Path
from typing import Any

from herodex.errors import UserError
from herodex.lineage.slsa import PACKED

SIGNATURE = PACKED / "model.sig"
NEW_KEY = (
    "Make a pair of keys: `openssl ecparam -name prime256v1 -genkey -noout -out key.pem` and "
    "`openssl ec -in key.pem -pubout -out public.pem`."
)


def require_model_signing() -> None:
    """Check that the package `model-signing` is installed.

    Raises:
        UserError: it is not.
    """
    if importlib.util.find_spec("model_signing") is None:
        raise UserError(
            "Signatures need the package model-signing, which is not installed.",
            "Run `uv pip install model-signing`.",
        )


def check_private_key(key: Path) -> None:
    """Check that a private key can sign, before a bento is built.

    Raises:
        UserError: it is missing or no elliptic-curve key in PEM, or `model-signing` is not installed.
    """
    require_model_signing()
    try:
        _signing(key)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{key} is no private key that can sign: {reason(error)}.", NEW_KEY) from None


def sign(folder: Path, key: Path) -> None:
    """Sign all files of a folder except the signature; write it to `provenance/model.sig`."""
    _signing(key).set_hashing_config(_hashing(folder)).sign(folder, folder / SIGNATURE)


def check_signature(folder: Path, key: Path) -> None:
    """Check the signature of a folder with the public key of its signer.

    Raises:
        UserError: the key cannot be read, there is no signature, it is not by this key, or it is about other
            files; or `model-signing` is not installed.
    """
    require_model_signing()
    from model_signing import verifying

    if not (folder / SIGNATURE).exists():
        raise UserError(
            f"{folder} has no signature: {SIGNATURE} is missing.",
            "Build it with `herodex bento --sign key.pem`, or check it without --key.",
        )
    try:
        verifier: Any = verifying.Config().use_elliptic_key_verifier(public_key=key)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{key} is no public key in PEM: {reason(error)}.", NEW_KEY) from None
    try:
        verifier.verify(folder, folder / SIGNATURE)
    except Exception as error:
        # The package raises errors of several others: of JSON, of protobuf and of cryptography.
        raise UserError(
            f"The signature of {folder} is not valid for the key {key}: {reason(error)}.",
            "Use the public key of the signer. If it is that one, do not use this bento.",
        ) from None


def reason(error: Exception) -> str:
    """Return an error's message without its full stop, or its type."""
    return str(error).rstrip(" .?") or type(error).__name__


def _signing(key: Path) -> Any:
    from model_signing import signing

    return signing.Config().use_elliptic_key_signer(private_key=key)


def _hashing(folder: Path) -> Any:
    from model_signing import hashing

    return hashing.Config().set_ignored_paths(paths=[folder / SIGNATURE])
