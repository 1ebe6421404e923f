"""Many connections from a guest: `clients.py hold|open|probe COUNT ADDRESS PORT`.

`open` makes COUNT connections at the same time, exchanges a word on each, and prints
`COUNT done SECONDS`. `hold` opens them, prints `ready`, waits for a line on standard input,
exchanges a word on each, and prints how many still answer. `probe` begins a new connection every
COUNT milliseconds, without waiting for the last, and prints the source that the server saw and when
it was seen (the monotonic clock, which all processes share), until it is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys
import time
from typing import List, Tuple

Stream = Tuple[asyncio.StreamReader, asyncio.StreamWriter]
LIMIT = 60.0


async def word(stream: Stream) -> bool:
    reader, writer = stream
    writer.write(b"word\n")
    await writer.drain()
    return await reader.readline() == b"word\n"


async def one(address: str, port: int) -> Stream:
    reader, writer = await asyncio.open_connection(address, port)
    await reader.readline()
    return reader, writer


async def seen(address: str, port: int) -> None:
    with contextlib.suppress(OSError, asyncio.TimeoutError):
        reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 1)
        source = (await asyncio.wait_for(reader.readline(), 1)).decode().strip()
        print(source, time.monotonic(), flush=True)
        writer.close()


async def probe(every: float, address: str, port: int) -> None:
    running = set()
    while True:
        task = asyncio.ensure_future(seen(address, port))
        running.add(task)
        task.add_done_callback(running.discard)
        await asyncio.sleep(every)


async def main(what: str, count: int, address: str, port: int) -> None:
    started = time.perf_counter()
    if what == "probe":
        await probe(count / 1000, address, port)
    made = await asyncio.wait_for(
        asyncio.gather(*(one(address, port) for _ in range(count)), return_exceptions=True), LIMIT
    )
    streams: List[Stream] = [item for item in made if not isinstance(item, BaseException)]
    if what == "hold":
        print("ready", len(streams), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    words = await asyncio.wait_for(
        asyncio.gather(*(word(stream) for stream in streams), return_exceptions=True), LIMIT
    )
    print(sum(answer is True for answer in words), "done", f"{time.perf_counter() - started:.2f}")


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
