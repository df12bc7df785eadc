/* What github_commit_status and github_check may send, by GitHub's own description of its API. */
import type { operations } from '@octokit/openapi-types';

type Sent = operations['repos/create-commit-status']['requestBody']['content']['application/json'];

/* The context is the delivery's place, and is added when it is sent. */
export type Status = Omit<Sent, 'context'>;

export const sendable = (status: Status, context: string): Sent => ({ context, ...status });

type Run = operations['checks/create']['requestBody']['content']['application/json'];
type Change = operations['checks/update']['requestBody']['content']['application/json'];
type Stated = 'status' | 'conclusion' | 'completed_at';
type Body = Omit<Run, 'name' | 'head_sha' | Stated> & Required<Pick<Run, 'output'>>;

/* Name and commit are its place. One that goes on has no conclusion; a completed one must have it. */
export type Check =
  | (Body & { status: 'queued' | 'in_progress'; conclusion?: never; completed_at?: never })
  | (Body & { status: 'completed'; conclusion: NonNullable<Run['conclusion']>; completed_at?: string });

export const runnable = (check: Check, name: string, head_sha: string): Run => ({ ...check, name, head_sha });
/* A run that is there keeps its commit. */
export const changeable = (check: Check, name: string): Change => ({ ...check, name });

/* What is read of a run. */
type Answered = operations['checks/create']['responses'][201]['content']['application/json'];
type Runs = operations['checks/list-for-ref']['responses'][200]['content']['application/json']['check_runs'];
type Id = number | bigint;
type Read = [Id, string, string | null, Id | undefined, string | undefined];
export const read = (run: Answered & Runs[number]): Read =>
  [run.id, run.status, run.external_id, run.app?.id, run.app?.client_id];
/* What is asked for. */
export const asked: operations['checks/list-for-ref']['parameters']['query'] =
  { filter: 'latest', check_name: 'x', app_id: 1 };
