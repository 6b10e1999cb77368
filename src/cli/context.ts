import { resolve } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import type { Registry } from '../store/registry.ts';
import type { Output } from './output.ts';

/** What a command may use of the world. Made by main, the one place that reads the environment. */
export interface Context {
  readonly output: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly version: string;
  /** Exit code unless something throws. */
  exit: number;
  /** Calls back at SIGINT, SIGTERM and SIGHUP, until disposed. */
  onSignal(listener: () => void): Disposable;
  /** Ends the process at once, for the user who asks a second time and is not heard. */
  quit(code: number): never;
  registry(): Promise<Registry>;
  openEngine(stateFolder: string): Promise<Engine>;
}

export interface CommonOptions {
  readonly state?: string;
  readonly json?: true;
}

/** `--state`, WAYBILL_STATE, or `.waybill` here. */
export const stateFolderOf = ({ state }: CommonOptions, { env, cwd }: Context): string =>
  resolve(cwd, state ?? (env['WAYBILL_STATE'] || '.waybill'));

/** An AbortSignal that the first SIGINT or SIGTERM aborts: for commands that have nothing to pause. */
export function abortOnSignal(context: Context): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const listening = context.onSignal(() => {
    if (controller.signal.aborted) context.quit(130);
    controller.abort();
  });
  return { signal: controller.signal, [Symbol.dispose]: () => listening[Symbol.dispose]() };
}
