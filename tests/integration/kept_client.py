"""A client for load: asyncio, HTTP/1.1 over connections that are kept, each request another webhook, signed
as it is sent.

`paced` sends at a rate whatever the answers do, and counts an answer's time from the moment at which its
request was due; `flat_out` has so many clients, each of which waits for its answer.
"""
import asyncio
import collections
import json

import common

IDLE_MAX_S = 1  # a server may close what is idle: such a connection is not used again
PATIENCE_S = 20

# status 0: none came, and SAID has why
Answer = collections.namedtuple("Answer", "number status said seconds")


class Connection:
    def __init__(self, reader, writer):
        self.reader, self.writer, self.used = reader, writer, 0.0

    async def exchange(self, message):
        """Status, body, and whether the connection may be used again."""
        self.writer.write(message)
        await self.writer.drain()
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in common.parse_headers(head[1:])}
        body = b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int(await self.reader.readline(), 16):
                body += (await self.reader.readexactly(size + 2))[:size]
            await self.reader.readline()
        else:
            body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), body, headers.get("connection", "").lower() != "close"


class Client:
    """Sends MESSAGE_OF(number) to PORT, for numbers that grow over all phases; keeps every answer."""

    def __init__(self, port, message_of):
        self.port, self.message_of = port, message_of
        self.number, self.answers, self.idle = 0, [], []

    async def connection(self):
        now = asyncio.get_running_loop().time()
        while self.idle:
            kept = self.idle.pop()
            if now - kept.used < IDLE_MAX_S:
                return kept
            kept.writer.close()
        return Connection(*await asyncio.open_connection("127.0.0.1", self.port))

    async def exchange(self, number):
        connection = await self.connection()
        status, body, is_kept = await connection.exchange(self.message_of(number))
        if is_kept:
            connection.used = asyncio.get_running_loop().time()
            self.idle.append(connection)
        else:
            connection.writer.close()
        try:
            return status, json.loads(body)
        except ValueError:
            return status, {"no JSON": body[:200]}

    async def post(self, due=None):
        """The answer to one more webhook; its time counts from DUE."""
        self.number += 1
        number, clock = self.number, asyncio.get_running_loop().time
        start = due if due is not None else clock()
        try:
            status, said = await asyncio.wait_for(self.exchange(number), PATIENCE_S)
        except (OSError, ValueError, KeyError, EOFError, asyncio.TimeoutError) as problem:
            status, said = 0, repr(problem)
        answer = Answer(number, status, said, clock() - start)
        self.answers.append(answer)
        return answer

    def close(self):
        for connection in self.idle:
            connection.writer.close()
        self.idle = []

    async def paced(self, rate, seconds):
        """RATE a second. The answers, how long it took, and how late the latest request was sent: by this
        client's own fault."""
        loop, posts, late = asyncio.get_running_loop(), [], 0.0
        start = loop.time() + 0.05
        for number in range(int(rate * seconds)):
            due = start + number / rate
            await asyncio.sleep(max(0, due - loop.time()))
            late = max(late, loop.time() - due)
            posts.append(loop.create_task(self.post(due)))
        answers = await asyncio.gather(*posts)
        self.close()
        return answers, loop.time() - start, late

    async def flat_out(self, clients, seconds, most, enough=lambda answers: False):
        """Until SECONDS have passed, MOST were sent, or the answers are ENOUGH. The answers, and how long it
        took."""
        loop, answers = asyncio.get_running_loop(), []
        start = loop.time()

        async def one():
            while loop.time() - start < seconds and len(answers) < most and not enough(answers):
                answers.append(await self.post())

        await asyncio.gather(*(one() for _ in range(clients)))
        self.close()
        return answers, loop.time() - start
