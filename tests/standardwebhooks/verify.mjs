/*
 * Verifies requests by the reference implementation. Standard input: one {secret, headers, body} a line, body
 * in base64.
 */
import { readFileSync } from 'node:fs';
import { Webhook } from 'standardwebhooks';

const refused = (webhook, body, headers) => {
  try {
    webhook.verify(body, headers);
    return false;
  } catch {
    return true;
  }
};

let count = 0;
for (const line of readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  const { secret, headers, body } = JSON.parse(line);
  const text = Buffer.from(body, 'base64').toString('utf8');
  const webhook = new Webhook(secret);
  const said = webhook.verify(text, headers);
  if (JSON.stringify(said) !== JSON.stringify(JSON.parse(text))) throw new Error('another body');
  /* What it accepts would say little if it accepted anything. */
  const other = new Webhook('whsec_' + Buffer.alloc(32, 7).toString('base64'));
  const changes = [
    [webhook, text + ' ', headers],
    [webhook, text, { ...headers, 'webhook-id': headers['webhook-id'] + '0' }],
    [webhook, text, { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) - 1) }],
    [other, text, headers],
  ];
  for (const [index, change] of changes.entries())
    if (!refused(...change)) throw new Error(`change ${index} was accepted`);
  count++;
}
console.log(`${count} verified`);
