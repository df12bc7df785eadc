/* What the pagerduty_change_event notifier may send, in PagerDuty's own types. */
import type { ChangePayload } from '@pagerduty/pdjs/build/src/events.js';

/*
 * The key is added when it is sent. PagerDuty's client asks for a time, details and links, which its API
 * does not (developer.pagerduty.com, "Send change events").
 */
type Payload = ChangePayload['payload'];
type Loose = 'timestamp' | 'custom_details';
type Sent = Omit<Payload, Loose> & Partial<Pick<Payload, Loose>>;
export type Change = { payload: Sent; links?: ChangePayload['links'] };

/* A change with all of them is one that PagerDuty's client would send. */
export const sendable = (change: Change, timestamp: string): ChangePayload => ({
  routing_key: '0'.repeat(32),
  links: [],
  ...change,
  payload: { timestamp, custom_details: {}, ...change.payload },
});
