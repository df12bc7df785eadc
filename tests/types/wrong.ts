/* The compiler must refuse these: it fails where an error that is expected does not come. */
import type { Message } from './message.js';

const frame = { text: 'x', mrkdwn: false, unfurl_links: false, unfurl_media: false } as const;

export const right: Message = {
  ...frame,
  blocks: [{ type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: 'x' }] }] }],
};
export const anotherBlock: Message = {
  ...frame,
  // @ts-expect-error
  blocks: [{ type: 'section', text: { type: 'mrkdwn', text: 'x' } }],
};
export const anotherElement: Message = {
  ...frame,
  // @ts-expect-error
  blocks: [{ type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [{ type: 'txt', text: 'x' }] }] }],
};
export const linkWithoutUrl: Message = {
  ...frame,
  // @ts-expect-error
  blocks: [{ type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [{ type: 'link', text: 'x' }] }] }],
};
export const unknownStyle: Message = {
  ...frame,
  blocks: [
    {
      type: 'rich_text',
      // @ts-expect-error
      elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: 'x', style: { blink: true } }] }],
    },
  ],
};
// @ts-expect-error
export const withoutText: Message = { mrkdwn: false, unfurl_links: false, unfurl_media: false, blocks: [] };
export const unknownMember: Message = {
  ...frame,
  blocks: [],
  // @ts-expect-error
  unfurl: true,
};
