/* What the github_commit_status notifier may send, by GitHub's own description of its API. */
import type { operations } from '@octokit/openapi-types';

type Sent = operations['repos/create-commit-status']['requestBody']['content']['application/json'];

/* The context is the delivery's place, and is added when it is sent. */
export type Status = Omit<Sent, 'context'>;

export const sendable = (status: Status, context: string): Sent => ({ context, ...status });
