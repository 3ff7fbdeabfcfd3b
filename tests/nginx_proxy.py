"""nginx in front of several services, set up as docs/security.md says."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest
from redis_server import wait_until_listening

from scripts.free_port import free_port

ROOT = Path(__file__).parent.parent
FOLDERS = os.pathsep.join([os.environ["PATH"], "/usr/sbin", str(ROOT / ".tools/nginx/usr/sbin")])
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
CONFIGURATION = """
daemon off;
pid nginx.pid;
events {{}}
http {{
    access_log off;
    {temporary}
    upstream replicas {{ {replicas} }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://replicas;
            proxy_set_header X-Real-IP $remote_addr;
        }}
    }}
}}
"""


@contextlib.contextmanager
def running_nginx(folder: Path, replicas: Sequence[str]) -> Generator[str]:
    """Pass requests on to each replica in turn; yield the proxy's address. Skips the test without nginx.

    Args:
        folder: For its files.
        replicas: Hosts with ports.
    """
    program = shutil.which("nginx", path=FOLDERS)
    if program is None:
        message = "nginx is not installed; run `scripts/setup.sh --for-tests`"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    port = free_port()
    text = CONFIGURATION.format(
        port=port,
        temporary=" ".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY),
        replicas=" ".join(f"server {replica};" for replica in replicas),
    )
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    command = [program, "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
    server = subprocess.Popen(command)
    try:
        wait_until_listening(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)
