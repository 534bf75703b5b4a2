"""The S3 process: moto's server, which keeps its objects in memory."""

import logging
import os
from multiprocessing.connection import Connection

from moto.server import ThreadedMotoServer


def serve(pipe: Connection) -> None:
    """Sends its URL through the pipe; exits when it receives anything."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    pipe.send(f"http://{host}:{port}")
    pipe.recv()
    os._exit(0)
