/* What github_commit_status and github_check may send, by GitHub's own description of its API. */
import type { operations } from '@octokit/openapi-types';

type Sent = operations['repos/create-commit-status']['requestBody']['content']['application/json'];

/* The context is the delivery's place, and is added when it is sent. */
export type Status = Omit<Sent, 'context'>;

export const sendable = (status: Status, context: string): Sent => ({ context, ...status });

type Run = operations['checks/create']['requestBody']['content']['application/json'];

/* Name and commit are its place. */
export type Check = Omit<Run, 'name' | 'head_sha'> & Required<Pick<Run, 'status' | 'conclusion' | 'output'>>;

export const runnable = (check: Check, name: string, head_sha: string): Run => ({ ...check, name, head_sha });
