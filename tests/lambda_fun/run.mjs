/*
 * run.mjs FOLDER CONFIG EVENTS - the bootstrap in FOLDER as a function of the runtime `provided`, by
 * @vercel/fun.
 *
 * EVENTS is a JSON list of payloads. Prints one JSON line for each: what the runner made of it, and the
 * answer. All go to one process, which the runner stops (SIGSTOP) between two events.
 */
import { readFileSync } from 'node:fs';
import { createFunction, destroy, invoke } from '@vercel/fun';

const [folder, config, events] = process.argv.slice(2);
const lambda = await createFunction({
  Code: { Directory: folder },
  Handler: 'kitehook',
  Runtime: 'provided',
  Environment: { Variables: { KITEHOOK_CONFIG: config } },
  AccessKeyId: '',
  SecretAccessKey: '',
});
try {
  for (const event of JSON.parse(readFileSync(events, 'utf8'))) {
    const Payload = JSON.stringify(event);
    const result = await invoke(lambda, { InvocationType: 'RequestResponse', Payload });
    const answer = JSON.parse(String(result.Payload));
    console.log(JSON.stringify({ error: result.FunctionError ?? null, answer }));
  }
} finally {
  await destroy(lambda);
}
