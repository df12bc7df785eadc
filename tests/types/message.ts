/* What the slack notifier may send, in Slack's own types. */
import type { RichTextBlock } from '@slack/types';
import type { ChatPostMessageArguments } from '@slack/web-api';
import type { IncomingWebhookSendArguments } from '@slack/webhook';

/*
 * IncomingWebhookSendArguments takes any object with a `type` for a block, and does not know `mrkdwn`, which
 * docs.slack.dev/reference/messaging/payload has. So both are stated here, and the rest is Slack's.
 */
type Webhook = Required<Pick<IncomingWebhookSendArguments, 'text' | 'unfurl_links' | 'unfurl_media'>>;
export type Message = Webhook & { mrkdwn: false; blocks: RichTextBlock[] };

/* By token the same goes to a channel. */
export const posted = (message: Message): ChatPostMessageArguments => ({ channel: '#builds', ...message });

/* Every message is something that Slack's client would send. */
export const sendable = (message: Message): IncomingWebhookSendArguments => message;
