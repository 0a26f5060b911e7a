"""A stranger with stock tools: the published commands to verify a package, and a shell to run them in."""

from __future__ import annotations

import subprocess
from pathlib import Path

FILES = """
sha256sum --quiet --strict -c manifest-sha256.txt && sha256sum --quiet --strict -c tagmanifest-sha256.txt
test "$(sed -n 's/^Payload-Oxum: //p' bag-info.txt)" = "$(find data -type f -printf '%s\\n' | awk '{s+=$1;n++}END{print s"."n}')"
"""  # noqa: E501 - commands as they are published
TREE = """
cp seal/leafhashes.txt l; while [ $(wc -l <l) -gt 1 ]; do : >m; while read -r x; do if read -r y; then printf '01%s%s' $x $y | xxd -r -p | sha256sum | cut -c1-64; else echo $x; fi; done <l >>m; mv m l; done
test "$(sed -n 3p seal/checkpoint)" = "$(xxd -r -p l | base64)"
"""  # noqa: E501 - commands as they are published
SIGNATURES = """
sed '/^$/,$d' seal/checkpoint >note; tail -1 seal/checkpoint | awk '{print $3}' | base64 -d | tail -c 64 >sig
openssl pkeyutl -verify -rawin -pubin -inkey PUB.pem -in note -sigfile sig
ssh-keygen -Y verify -f allowed_signers -I ic@example.org -n file -s seal/checkpoint.sshsig < seal/checkpoint
"""


def shell(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Runs `script` in `folder`, a command a line; the first line that fails ends it."""
    lines = [f"{line} || exit 1" for line in script.splitlines() if line]
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", "\n".join(lines)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
