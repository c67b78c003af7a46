"""The published vectors held against Go's libraries: what they call valid Go accepts, with the same meaning.

What they call bad Go refuses, but for what is listed here with its reason: there a library is laxer than the text that
it implements, or the rule is one of ours.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.foreign import Oracle, unbase64

VECTORS = Path(__file__).parents[2] / "contracts" / "vectors"
Case = dict[str, Any]


@cache
def cases(file: str) -> list[Case]:
    found: list[Case] = json.loads((VECTORS / f"{file}.json").read_text(encoding="utf-8"))["cases"]
    return found


def content(case: Case, name: str) -> bytes:
    """A text's bytes, or those that stand in base64 because they are no text."""
    return base64.b64decode(case[f"{name}_base64"]) if f"{name}_base64" in case else case[name].encode()


def hashes(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def small(*texts: str) -> bool:
    """Whether numbers fit Go's int64: the libraries can't be asked about others."""
    return all(text.isdecimal() and int(text) < 2**63 for text in texts)


def inclusion(oracle: Oracle, case: Case) -> bool:
    path, root, leaf = hashes(case["path"]), bytes.fromhex(case["root"]), bytes.fromhex(case["leaf_hash"])
    if not small(case["index"], case["size"]) or {len(one) for one in [*path, root, leaf]} != {32}:
        return False
    told = oracle.ask(
        "check-inclusion", leaf_hash=leaf, index=int(case["index"]), size=int(case["size"]), path=path, root=root
    )
    assert told.get("tlog", told["merkle"]) == told["merkle"]
    return bool(told["merkle"])


def consistency(oracle: Oracle, case: Case) -> bool:
    path, old_root, root = hashes(case["path"]), bytes.fromhex(case["old_root"]), bytes.fromhex(case["new_root"])
    if not small(case["old_size"], case["new_size"]) or {len(one) for one in [*path, root, old_root]} != {32}:
        return False
    told = oracle.ask(
        "check-consistency",
        old=int(case["old_size"]),
        size=int(case["new_size"]),
        path=path,
        old_root=old_root,
        root=root,
    )
    assert case["old_size"] == "0" or told.get("tlog", told["merkle"]) == told["merkle"]
    return bool(told["merkle"])


def tile_path(oracle: Oracle, case: Case) -> bool:
    path = case["path"].replace("tile/", "tile/8/", 1).replace("/entries/", "/data/", 1)
    told = oracle.ask("tile", tile=path)
    if case["valid"]:
        level = -1 if case["level"] == "entries" else case["level"]
        assert told == {"level": level, "number": int(case["number"]), "width": case["width"]}
    return "error" not in told


def verifier_key(oracle: Oracle, case: Case) -> bool:
    told = oracle.ask("vkey", vkeys=[case["vkey"]])
    if case["valid"]:
        assert told == {"name": case["key_name"], "id": case["key_id_hex"]}
    return "error" not in told


def signed_note(oracle: Oracle, case: Case) -> bool:
    told = oracle.ask("open", vkeys=case["vkeys"], note=content(case, "content"))
    if case["valid"]:
        assert told["text"] == case["text"]
        assert sorted(told["signers"]) == sorted("+".join(vkey.split("+", 2)[:2]) for vkey in case["verified_by"])
    return "error" not in told


def checkpoint(oracle: Oracle, case: Case) -> bool:
    told = oracle.ask("checkpoint", text=case["text"])
    if case["valid"]:
        read = told["origin"], str(told["size"]), base64.b64decode(told["root"]).hex()
        assert read == (case["origin"], case["size"], case["root_hex"])
    return "error" not in told and len(base64.b64decode(told["root"])) == 32


def mldsa(oracle: Oracle, case: Case) -> bool:
    name, key_id, _ = case["vkey"].split("+", 2)
    line = (
        bytes.fromhex(key_id) + int(case["timestamp"]).to_bytes(8, "big") + base64.b64decode(case["signature_base64"])
    )
    note = f"{case['checkpoint']}\n— {name} {base64.b64encode(line).decode()}\n"
    return "error" not in oracle.ask("open", vkeys=[case["vkey"]], note=note.encode())


def cosignature(oracle: Oracle, case: Case) -> bool:
    told = oracle.ask("open", vkeys=[case["vkey"]], note=content(case, "content"))
    if case["valid"]:
        assert told["times"] == [int(case["timestamp"])]
    return "error" not in told


def receipt(oracle: Oracle, case: Case) -> bool:
    told = oracle.ask("receipt", document=content(case, "proof"))
    if "error" in told or not small(str(told["index"])):
        return False
    note = base64.b64decode(told["checkpoint"] or "")
    opened = oracle.ask("open", vkeys=case["vkeys"], note=note)
    if "error" in opened:
        return False
    head = oracle.ask("checkpoint", text=opened["text"])
    if (
        "error" in head
        or head["origin"] not in {vkey.split("+")[0] for vkey in case["vkeys"]}
        or told["index"] >= head["size"]
    ):
        return False
    if "policy" in case:
        lines = [line + " http://none.example" * line.startswith("witness ") for line in case["policy"].splitlines()]
        if not oracle.ask("policy", policy="\n".join((*lines, "")), note=note).get("reached"):
            return False
    leaf = content(case, "entry")
    proven = oracle.ask(
        "check-inclusion",
        leaf=leaf,
        index=told["index"],
        size=head["size"],
        path=unbase64(told["path"]),
        root=base64.b64decode(head["root"]),
    )
    return bool(proven["tlog"] and proven["merkle"])


def canonical(oracle: Oracle, case: Case) -> bool:
    document = content(case, "canonical")
    told = oracle.ask("canonical", document=document)
    return "error" not in told and base64.b64decode(told["written"]) == document


def event_signature(oracle: Oracle, case: Case) -> bool:
    try:
        signature = base64.b64decode(case["signature"], validate=True)
    except ValueError:
        return False
    key = base64.b64decode(case["public_key_base64"])
    message = content(case, "signed_message") if case["valid"] or "signed_message" in case else b""
    return bool(oracle.ask("ed25519", key=key, message=message, signed=signature)["valid"])


FILES: dict[str, Callable[[Oracle, Case], bool]] = {
    "inclusion": inclusion,
    "consistency": consistency,
    "tile-paths": tile_path,
    "verifier-keys": verifier_key,
    "notes": signed_note,
    "checkpoints": checkpoint,
    "mldsa44": mldsa,
    "cosignatures": cosignature,
    "tlog-proofs": receipt,
    "canonical-json": canonical,
    "event-signatures": event_signature,
}
_SPELLING = "strconv and encoding/base64 take other spellings of the same number and bytes"
LAXER: dict[str, dict[str, str]] = {
    "consistency": {"an old size of 0 with another root": "merkle does not look at the empty tree's root"},
    "tile-paths": {
        "level 64": "tlog's levels have no end",
        "a level of another name": "tlog calls the bundles `data`",
    },
    "verifier-keys": {
        "an id in capitals": _SPELLING,
        "a newline at the end": _SPELLING,
        "a point of small order": "crypto/ed25519 takes any point",
        "another point of small order": "crypto/ed25519 takes any point",
    },
    "checkpoints": {
        "an empty extension line": "formats gives back what follows three lines, unread",
        "a size with a leading zero": _SPELLING,
        "a root with bits left over": _SPELLING,
        "a tab in the origin": "a note's text is looked at by note, not by formats",
        "size 9223372036854775808": "formats reads 64 bits",
    },
    "tlog-proofs": {
        "lines that end with CRLF": "formats cuts lines as bufio does",
        "no newline at the end": "formats cuts lines as bufio does",
        "an index with a leading zero": _SPELLING,
        "extra data of no byte": "formats takes an empty line of it",
        "extra data with bits left over": _SPELLING,
    },
    "event-signatures": {"base64 with bits left over": _SPELLING},
}


@pytest.mark.parametrize("file", FILES)
def test_a_vector_is_judged_alike(file: str, oracle: Oracle) -> None:
    taken = {case["name"]: FILES[file](oracle, case) for case in cases(file)}
    good = {case["name"] for case in cases(file) if case["valid"]}
    assert {name for name in good if not taken[name]} == set()
    assert {name for name in taken.keys() - good if taken[name]} == set(LAXER.get(file, {}))
