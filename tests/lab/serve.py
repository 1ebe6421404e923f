"""The internet of the lab: `serve.py CERTIFICATE [NAMESPACE] ADDRESS...`, in one process.

A word that begins with `/` is a network namespace, in which the addresses behind it are.

Port 443 answers every request with 404, and in the body the address it came from; `/stream` sends
a line ten times a second until the client is gone. Port 7007 says who is there and then echoes.
"""

from __future__ import annotations

import asyncio
import ctypes
import resource
import ssl
import sys
from contextlib import suppress
from typing import List

ECHO = 7007
CLONE_NEWNET = 0x40000000  # sched.h


async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
        request = await reader.readuntil(b"\r\n\r\n")
        peer = writer.get_extra_info("peername")[0]
        if request.startswith(b"GET /stream"):
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            while True:
                writer.write(f"{peer}\n".encode())
                await writer.drain()
                await asyncio.sleep(0.1)
        body = f"{peer}\n".encode()
        head = f"HTTP/1.1 404 Not Found\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
    writer.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.write(f"{writer.get_extra_info('peername')[0]}\n".encode())
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
    writer.close()


async def serve(certificate: str, addresses: List[str]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    for address in addresses:
        if address.startswith("/"):
            with open(address, "rb") as file:
                if ctypes.CDLL(None).setns(file.fileno(), CLONE_NEWNET):
                    raise OSError(f"setns {address}")
            continue
        await asyncio.start_server(web, address, 443, ssl=context, backlog=4096)
        await asyncio.start_server(echo, address, ECHO, backlog=4096)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(serve(sys.argv[1], sys.argv[2:]))
