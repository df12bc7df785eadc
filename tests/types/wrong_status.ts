/* The compiler must refuse these: it fails where an error that is expected does not come. */
import type { Check, Status } from './status.js';

export const right: Status = { state: 'success', description: 'x' };
// @ts-expect-error
export const unknownState: Status = { state: 'passed' };
// @ts-expect-error
export const withoutState: Status = { description: 'x' };
// @ts-expect-error
export const unknownMember: Status = { state: 'success', url: 'https://x.example/' };

export const rightRun: Check = { status: 'completed', conclusion: 'success', output: { title: 'x', summary: 'x' } };
export const rightStart: Check = { status: 'in_progress', output: { title: 'x', summary: 'x' } };
// @ts-expect-error
export const withoutConclusion: Check = { status: 'completed', output: { title: 'x', summary: 'x' } };
// @ts-expect-error
export const concludedEarly: Check = { status: 'queued', conclusion: 'success', output: { title: 'x', summary: 'x' } };
// @ts-expect-error
export const unknownConclusion: Check = { ...rightRun, conclusion: 'failed' };
// @ts-expect-error
export const withoutSummary: Check = { ...rightRun, output: { title: 'x' } };
