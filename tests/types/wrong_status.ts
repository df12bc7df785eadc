/* The compiler must refuse these: it fails where an error that is expected does not come. */
import type { Status } from './status.js';

export const right: Status = { state: 'success', description: 'x' };
// @ts-expect-error
export const unknownState: Status = { state: 'passed' };
// @ts-expect-error
export const withoutState: Status = { description: 'x' };
// @ts-expect-error
export const unknownMember: Status = { state: 'success', url: 'https://x.example/' };
