// lambda_node.mjs - a loop over the Runtime API as one writes it in Node without a library: http with a kept
// connection, createHmac, JSON.parse. The secret is in the file $BENCH_SECRET.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';

const secret = readFileSync(process.env.BENCH_SECRET);
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function exchange(method, path, body) {
  const headers = body
    ? { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) } : {};
  return new Promise((resolve, reject) => {
    const request = http.request(
      { agent, host, port, method, path: `/2018-06-01/runtime/invocation/${path}`, headers },
      (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('end', () => resolve({ response, text: Buffer.concat(parts).toString() }));
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

function isGenuine(header, body) {
  const [, timestamp, signature] = /^timestamp=(\d+),signature=([0-9a-f]{64})$/.exec(header ?? '') ?? [];
  if (!signature) return false;
  const mac = createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest();
  return timingSafeEqual(mac, Buffer.from(signature, 'hex'));
}

function handle(payload) {
  const { headers, body } = JSON.parse(payload);
  let status = 401;
  let webhook = {};
  if (isGenuine(headers['x-buildkite-signature'], body)) {
    webhook = JSON.parse(body);
    status = webhook.event ? 200 : 400;
  }
  const said = { verdict: status === 200 ? 'accepted' : 'refused', event: webhook.event };
  return { statusCode: status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(said) };
}

for (;;) {
  const { response, text } = await exchange('GET', 'next');
  const id = response.headers['lambda-runtime-aws-request-id'];
  const done = await exchange('POST', `${id}/response`, JSON.stringify(handle(text)));
  if (done.response.statusCode !== 202) process.exit(1);
}
