"""The netlink sockets of this process."""

import os
import socket


def shrink_receive_buffers() -> None:
    """Of every netlink socket of this process: a handful of refusals fits."""
    for fd in os.listdir("/proc/self/fd"):
        path = f"/proc/self/fd/{fd}"
        if not os.path.exists(path) or "socket" not in os.readlink(path):
            continue
        with socket.fromfd(int(fd), socket.AF_NETLINK, socket.SOCK_RAW) as one:
            if one.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) == socket.AF_NETLINK:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
