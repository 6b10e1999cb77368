import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

export interface Contender {
  readonly name: string;
  /** `round` tells targets apart: deleting one just before makes ext4 search for inodes that were not freed lately. */
  readonly command: (round: number) => readonly [program: string, ...words: string[]];
  readonly environment?: Readonly<Record<string, string>>;
  /** Not timed; before every run. */
  readonly prepare?: () => void | Promise<void>;
}

export interface Timing {
  readonly name: string;
  /** Wall seconds of each counted run. */
  readonly seconds: readonly number[];
  /** Peak resident memory of the process, in MiB, the largest of the runs. */
  readonly peakMiB: number;
}

/** Runs the contenders in turn (A B A B …), so that a machine that slows down slows all of them; the first round is not
 *  counted. A command that fails ends the bench. */
export async function sideBySide(contenders: readonly Contender[], rounds: number): Promise<readonly Timing[]> {
  const timings = contenders.map(({ name }) => ({ name, seconds: [] as number[], peakMiB: 0 }));
  for (let round = 0; round <= rounds; round++) {
    for (const [i, contender] of contenders.entries()) {
      await contender.prepare?.();
      // What an earlier one left unwritten is not this one's to wait for.
      spawnSync('sync');
      const { seconds, peakMiB } = await timed(contender, round);
      const timing = timings[i];
      if (round === 0 || !timing) continue;
      timing.seconds.push(seconds);
      timing.peakMiB = Math.max(timing.peakMiB, peakMiB);
    }
  }
  return timings;
}

/** Runs one command once. */
export async function timed(
  { name, command, environment }: Contender,
  round = 0,
): Promise<{ seconds: number; peakMiB: number }> {
  const [program, ...words] = command(round);
  const started = performance.now();
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
  let output = '';
  child.stdout.on('data', (part: Buffer) => (output = (output + part.toString()).slice(-4000)));
  child.stderr.on('data', (part: Buffer) => (output = (output + part.toString()).slice(-4000)));
  let peakMiB = 0;
  const poll = setInterval(() => (peakMiB = Math.max(peakMiB, peakOf(child.pid))), 20);
  const [code] = (await once(child, 'exit')) as [number | null];
  const seconds = (performance.now() - started) / 1000;
  clearInterval(poll);
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${output}`);
  return { seconds, peakMiB };
}

function peakOf(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** One line per contender: median (lowest to highest), peak memory, and how many times the first one's speed. */
export function printTimings(timings: readonly Timing[], rows?: number): void {
  const first = median(timings[0]?.seconds ?? []);
  for (const { name, seconds, peakMiB } of timings) {
    const middle = median(seconds);
    const range = `${Math.min(...seconds).toFixed(2)}–${Math.max(...seconds).toFixed(2)}`;
    const rate = rows ? `  ${Math.round(rows / middle / 1000)}k rows/s` : '';
    console.log(
      `  ${name.padEnd(34)} ${middle.toFixed(2)} s (${range})${rate}  ${Math.round(peakMiB)} MiB  waybill is ${(middle / first).toFixed(2)}× as fast`,
    );
  }
}
