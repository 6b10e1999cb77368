import type { Command } from 'commander';
import type { Context } from './context.ts';

/** Gives a command its arguments, options and action. */
export type Define = (command: Command, context: Context) => void;

interface Verb {
  readonly name: string;
  readonly summary: string;
  /** Loads the command: only the one that was asked for is. */
  readonly load: () => Promise<Define>;
}

export const verbs: readonly Verb[] = [
  {
    name: 'init',
    summary: 'write a commented job file to start from',
    load: async () => (await import('./commands/init.ts')).init,
  },
  {
    name: 'plan',
    summary: 'look at both ends and say what would move; writes nothing',
    load: async () => (await import('./commands/plan.ts')).plan,
  },
  {
    name: 'run',
    summary: 'plan, move, verify, and sign a bill',
    load: async () => (await import('./commands/run.ts')).run,
  },
  {
    name: 'resume',
    summary: 'go on with a run that was paused, killed or failed',
    load: async () => (await import('./commands/resume.ts')).resume,
  },
  {
    name: 'cutover',
    summary: 'bring writers from the source of a run that follows it to the target',
    load: async () => (await import('./commands/requests.ts')).cutover,
  },
  {
    name: 'rollback',
    summary: 'bring writers back to the source after a cutover',
    load: async () => (await import('./commands/requests.ts')).rollback,
  },
  {
    name: 'finish',
    summary: 'give up the way back after a cutover',
    load: async () => (await import('./commands/requests.ts')).finish,
  },
  {
    name: 'cancel',
    summary: 'give a run up before its cutover and let go of both ends',
    load: async () => (await import('./commands/requests.ts')).cancel,
  },
  {
    name: 'status',
    summary: 'where a run stands',
    load: async () => (await import('./commands/status.ts')).status,
  },
  {
    name: 'runs',
    summary: 'list the runs of this folder, newest first',
    load: async () => (await import('./commands/runs.ts')).runs,
  },
  {
    name: 'verify',
    summary: 'compare both ends of a finished run again',
    load: async () => (await import('./commands/verify.ts')).verify,
  },
  {
    name: 'bill',
    summary: "show a run's bill",
    load: async () => (await import('./commands/bill.ts')).bill,
  },
  {
    name: 'verify-bill',
    summary: "check a bill's signature and that its manifest adds up",
    load: async () => (await import('./commands/verify-bill.ts')).verifyBill,
  },
  {
    name: 'restore',
    summary: 'put back what a run replaced, from its backup',
    load: async () => (await import('./commands/restore.ts')).restore,
  },
  {
    name: 'connectors',
    summary: 'list what Waybill can open, with addresses and options',
    load: async () => (await import('./commands/connectors.ts')).connectors,
  },
  {
    name: 'doctor',
    summary: 'check that this machine has what Waybill needs',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  {
    name: 'completion',
    summary: 'print a completion script for bash, zsh or fish',
    load: async () => (await import('./commands/completion.ts')).completion,
  },
];
