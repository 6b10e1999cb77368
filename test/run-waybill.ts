import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const launcher = fileURLToPath(new URL('../bin/waybill', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A temporary folder with a state folder in it, and the command line run there as a user would. */
export interface Workplace extends Disposable {
  readonly folder: string;
  path(name: string): string;
  waybill(...words: string[]): Promise<Ended>;
  /** Started and left running. */
  start(...words: string[]): ChildProcess;
}

export function workplace(environment: Readonly<Record<string, string>> = {}): Workplace {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-test-'));
  const start = (...words: string[]): ChildProcess =>
    spawn(process.execPath, [launcher, ...words], {
      cwd: folder,
      env: { ...process.env, NO_COLOR: '1', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  return {
    folder,
    path: (name) => join(folder, name),
    start,
    async waybill(...words) {
      const child = start(...words);
      let [stdout, stderr] = ['', ''];
      child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, stdout, stderr };
    },
    [Symbol.dispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The last JSON line of a run: `{"type":"result", …}`. */
export const resultOf = ({ stdout }: Ended): Record<string, unknown> =>
  JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Record<string, unknown>;
