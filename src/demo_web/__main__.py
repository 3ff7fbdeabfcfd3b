"""The demo web's process: read parameters from stdin, write the proxy's URL to stdout, serve.

It ends when its stdin closes, so it never outlives the process that started it.
"""

import sys
import threading

from demo_web.proxy import Proxy
from demo_web.site import build_site
from herodex.command import run_command
from herodex.params import Params


def main() -> None:
    """Serve the web of the parameters in the first line of stdin (JSON)."""
    params = Params.model_validate_json(sys.stdin.readline())
    with Proxy(build_site(params)) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        sys.stdout.write(f"http://127.0.0.1:{proxy.server_port}\n")
        sys.stdout.flush()
        sys.stdin.read()
        proxy.shutdown()


if __name__ == "__main__":
    run_command(main)
