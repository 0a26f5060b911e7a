"""Entry of the gateway process, started by the supervisor only."""

import sys

from console.simulator.gateway_process import main

if __name__ == "__main__":
    sys.exit(main())
