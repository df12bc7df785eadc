/* The compiler must refuse these: it fails where an error that is expected does not come. */
import type { Change } from './change.js';

export const right: Change = { payload: { summary: 'x', source: 'x', custom_details: {} } };
// @ts-expect-error
export const withoutSummary: Change = { payload: { source: 'x', custom_details: {} } };
// @ts-expect-error
export const unknownMember: Change = { payload: { summary: 'x', custom_details: {}, severity: 'info' } };
// @ts-expect-error
export const linkWithoutHref: Change = { payload: { summary: 'x', custom_details: {} }, links: [{ text: 'x' }] };
