"""Write agentvoice/web/static/vendor from the npm packages in tools/vendor/node_modules (`make vendor`)."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ROOT / "tools" / "vendor" / "node_modules"
VENDOR = ROOT / "agentvoice" / "web" / "static" / "vendor"

FILES = {
    "preact": ("preact/dist/preact.mjs", "preact.js"),
    "preact/hooks": ("preact/hooks/dist/hooks.mjs", "hooks.js"),
    "@preact/signals-core": ("@preact/signals-core/dist/signals-core.mjs", "signals-core.js"),
    "@preact/signals": ("@preact/signals/dist/signals.mjs", "signals.js"),
    "htm": ("htm/dist/htm.mjs", "htm.js"),
}
"""Import specifier: the package's file, and its name here."""

SPECIFIER = re.compile(r'(from|import)\s*"([^"./][^"]*)"')


def main() -> None:
    """Copy each file with relative imports, its licence, and the hashes of all."""
    VENDOR.mkdir(parents=True, exist_ok=True)
    sums = {}
    for specifier, (source, name) in FILES.items():
        package = specifier.removesuffix("/hooks")
        version = json.loads((PACKAGES / package / "package.json").read_text())["version"]
        body = re.sub(r"\n?//# sourceMappingURL=.*\s*$", "\n", (PACKAGES / source).read_text())
        body = SPECIFIER.sub(lambda found: f'{found[1]}"./{FILES[found[2]][1]}"', body)
        licence = f"LICENSE.{package.replace('/', '-').removeprefix('@')}"
        head = f"// @ts-nocheck {package} {version}, licence in {licence}; written by `make vendor`\n"
        write(sums, name, head + body)
        write(sums, licence, (PACKAGES / package / "LICENSE").read_text())
    (VENDOR / "hashes.json").write_text(json.dumps(dict(sorted(sums.items())), indent=1) + "\n")


def write(sums: dict[str, str], name: str, text: str) -> None:
    """Write one file and note its SHA-256."""
    (VENDOR / name).write_text(text)
    sums[name] = hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    main()
