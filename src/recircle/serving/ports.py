"""The port that a service listens on."""

import socket

from recircle.errors import UserError

PORTS = (1024, 65535)


def check_port(host: str, port: int) -> None:
    """Insist on a port that may be asked for, and that nobody listens on.

    Raises:
        UserError: it is out of range, somebody listens there, or the system does not allow it.
    """
    if not PORTS[0] <= port <= PORTS[1]:
        raise UserError(f"--port {port} must be a number from {PORTS[0]} to {PORTS[1]}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise UserError(f"--port {port} of {host} cannot be listened on: {error.strerror}; give another") from None
