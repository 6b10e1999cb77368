import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { Run, RunOptions, RunResult } from '../engine/engine.ts';
import { advance, noProgress } from '../model/progress.ts';
import type { Context } from './context.ts';
import { followRun } from './follow-run.ts';
import { createOutput } from './output.ts';

const none = { items: 0, bytes: 0, rows: 0 };
const totals = { copy: none, keep: none, remove: none };
const job = { name: 'x', workers: 1, maxQuarantine: 0, shipments: [] };

/** A context whose signals are sent by hand, and what was written to it. */
function stage() {
  const listeners = new Set<() => void>();
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const written: string[] = [];
  stdout.setEncoding('utf8').on('data', (text: string) => written.push(text));
  const output = createOutput({
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: stderr as unknown as NodeJS.WriteStream,
    json: false,
    env: {},
    redact: (text) => text,
  });
  const refuse = () => Promise.reject(new Error('not in this test'));
  const context: Context = {
    output,
    env: {},
    cwd: '/',
    version: '0',
    exit: 0,
    onSignal(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    quit: () => assert.fail('must not quit'),
    registry: refuse,
    openEngine: refuse,
  };
  const signal = () => {
    for (const listener of listeners) listener();
  };
  const lines = () =>
    written
      .join('')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { context, signal, lines, listeners };
}

/** A run that goes on until it is paused or aborted. */
function endlessRun(options: RunOptions): { readonly run: Run; readonly told: string[] } {
  const told: string[] = [];
  const { promise, resolve } = Promise.withResolvers<RunResult>();
  const end = () => resolve({ run: 'r1', outcome: 'paused', exit: 130, progress: noProgress });
  options.signal.addEventListener('abort', () => {
    told.push('abort');
    end();
  });
  const started = { type: 'run.started', at: 0, workers: [] } as const;
  options.onEvent?.(started);
  const run = {
    id: 'r1',
    progress: () => advance(noProgress, started),
    result: promise,
    pause: (reason: string) => void told.push(`pause ${reason}`),
  };
  return { run, told };
}

test('the first Ctrl-C pauses, the second stops at once, and both end with 130', async () => {
  const { context, signal, lines, listeners } = stage();
  let told: string[] = [];
  const start = async (options: RunOptions) => {
    const made = endlessRun(options);
    told = made.told;
    return made.run;
  };
  const followed = followRun({ job, totals, start }, context);
  await new Promise(setImmediate);
  signal();
  assert.deepEqual(told, ['pause signal']);
  signal();
  assert.deepEqual(told, ['pause signal', 'abort']);
  await followed;
  assert.equal(context.exit, 130);
  assert.equal(listeners.size, 0);
  const written = lines();
  assert.deepEqual(written.at(0), { type: 'run.started', at: 0, workers: [] });
  assert.equal(written.at(-1)?.['type'], 'result');
  assert.equal(written.at(-1)?.['outcome'], 'paused');
});
