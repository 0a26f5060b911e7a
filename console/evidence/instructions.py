"""VERIFY.txt: how a stranger checks a package with standard tools alone, as plain text.

It is text and stays text: nothing in a package is ever run. The commands are those that the tests run on every build.
"""

from __future__ import annotations

_HEAD = """\
HOW TO CHECK THIS PACKAGE

You need nothing from the people who made it but their public keys, and those from another place than this folder: a
key that travels with the evidence proves nothing. You were given, or ask for:

  PUB.pem           public key of the person who sealed this
  allowed_signers   the same key as OpenSSH writes it (one of the two is enough)
{keys}
Lay a copy of this folder somewhere, put the key files beside its VERIFY.txt, and type the commands below inside the
copy, one after the other, in bash. They leave small files behind, hence the copy. Every command must end without a
complaint (exit code 0). Run nothing that came inside a package; if this one holds a program, it is not ours.

1. Nothing was changed, added or taken away since it was packed.

sha256sum --quiet --strict -c manifest-sha256.txt
sha256sum --quiet --strict -c tagmanifest-sha256.txt
test "$(sed -n 's/^Payload-Oxum: //p' bag-info.txt)" = "$(find data -type f -printf '%s\\n' | awk '{{s+=$1;n++}}END{{print s"."n}}')"

2. The items are those that were sealed: their leaf hashes give the root in the checkpoint.

cp seal/leafhashes.txt l; while [ $(wc -l <l) -gt 1 ]; do : >m; while read -r x; do if read -r y; then printf '01%s%s' $x $y | xxd -r -p | sha256sum | cut -c1-64; else echo $x; fi; done <l >>m; mv m l; done
test "$(sed -n 3p seal/checkpoint)" = "$(xxd -r -p l | base64)"

3. The checkpoint was signed by the person whose key you hold. With OpenSSL 3, or with OpenSSH, or both:

sed '/^$/,$d' seal/checkpoint >note; tail -1 seal/checkpoint | awk '{{print $3}}' | base64 -d | tail -c 64 >sig
openssl pkeyutl -verify -rawin -pubin -inkey PUB.pem -in note -sigfile sig
ssh-keygen -Y verify -f allowed_signers -I {signer} -n file -s seal/checkpoint.sshsig < seal/checkpoint

4. The encrypted files are those that the same person sealed: the signed statement names this manifest and checkpoint.

sed 's/.*"payload":"\\([^"]*\\)".*/\\1/' seal/seal.dsse.json | base64 -d >claim; sed 's/.*"sig":"\\([^"]*\\)".*/\\1/' seal/seal.dsse.json | base64 -d >sig
printf 'DSSEv1 28 application/vnd.in-toto+json %s ' $(wc -c <claim) | cat - claim >pae
openssl pkeyutl -verify -rawin -pubin -inkey PUB.pem -in pae -sigfile sig
grep -q "$(sha256sum <manifest-sha256.txt | cut -c1-64)" claim
grep -q "$(sha256sum <seal/checkpoint | cut -c1-64)" claim

5. {opening_title}

{opening}

{opening_note}

What else lies here: custody/log.jsonl says who did what to the evidence. Each line holds a signed text, and the leaf
hashes of those texts give the root in custody/checkpoint. `incident-console verify` checks all of this at once, the
log and each signature in it included.

No independent clock has stamped this package: it proves what was sealed and by whom, not when.
"""  # noqa: E501 - a command that is typed or pasted stays on one line

_PLAIN = {
    "keys": "  custodian.key     secret key of the custodian (or escrow.key), only to look inside\n",
    "opening_title": "What an item says, if you may open it. Here item 0:",
    "opening": "age -d -i custodian.key data/000000.age | sha256sum",
}
_NESTED = {
    "keys": "  escrow.key, custodian.key   secret keys of two people, only to look inside; it takes both\n",
    "opening_title": "What an item says, if you may open it. It takes two people, escrow first. Here item 0:",
    "opening": "age -d -i escrow.key data/000000.age | age -d -i custodian.key | sha256sum",
}
_NOTE = """\
The hash must be the one in line 1 of data/leaves.jsonl.age, opened in the same way. Each of its lines, hashed with a
zero byte before it and without its newline, is the same line of seal/leafhashes.txt."""


def verify_text(*, nested: bool, signer: str) -> str:
    """The text for a package sealed by `signer`; `nested` when it takes custodian and escrow together to open it."""
    return _HEAD.format(signer=signer, opening_note=_NOTE, **(_NESTED if nested else _PLAIN))
