// http_node.mjs - a receiver as one writes it in Node without a library: http, createHmac, JSON.parse. It
// listens on the unix socket $BENCH_SOCKET; the secret is in the file $BENCH_SECRET. No age is checked, no
// log line written.
//
// run: node FILE
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';

const secret = readFileSync(process.env.BENCH_SECRET);

function isGenuine(header, body) {
  const [, timestamp, signature] = /^timestamp=(\d+),signature=([0-9a-f]{64})$/.exec(header ?? '') ?? [];
  if (!signature) return false;
  const mac = createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest();
  return timingSafeEqual(mac, Buffer.from(signature, 'hex'));
}

function parse(body) {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

function handle(header, body) {
  if (!isGenuine(header, body)) return [401, { error: 'unauthorized' }];
  const webhook = parse(body);
  return webhook?.event ? [200, { verdict: 'accepted', event: webhook.event }] : [400, { error: 'json' }];
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const [status, said] = handle(request.headers['x-buildkite-signature'], Buffer.concat(parts));
    const text = JSON.stringify(said);
    const length = Buffer.byteLength(text);
    response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': length });
    response.end(text);
  });
});
server.listen(process.env.BENCH_SOCKET);
