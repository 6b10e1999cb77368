import type { RunEvent, Tick } from '../model/event.ts';
import { MigrationError, toMigrationError } from '../model/migration-error.ts';
import type { Phase } from '../model/phase.ts';
import { mayFollow } from '../model/phase.ts';
import { Past } from '../model/past.ts';
import { advance, noProgress, type Progress } from '../model/progress.ts';
import type { Journal, RunHeader } from '../journal/journal.ts';
import type { Step } from '../model/step.ts';
import type { Run, RunOptions, RunResult } from './engine.ts';
import type { FrozenEnds } from './frozen-ends.ts';
import type { Threads } from '../move/threads.ts';
import type { OpenStore } from './open-ends.ts';
import { runShipment } from './run-shipment.ts';

export interface RunParts {
  readonly journal: Journal;
  readonly open: OpenStore;
  /** Without them all work is done in this thread. */
  readonly threads: Threads | undefined;
  /** Writes the signed bill of a finished run. */
  readonly writeBill: (run: string) => Promise<{ readonly json: string; readonly html: string }>;
}

/** What a shipment's run needs to know and to tell. */
export interface RunContext {
  readonly header: RunHeader;
  readonly parts: RunParts;
  readonly past: Past;
  /** Ends the plan left open, by shipment; opened anew when absent. */
  readonly frozen: Map<number, FrozenEnds>;
  readonly budgets: readonly (SharedArrayBuffer | undefined)[];
  /** The plan was made for this run by this process, a moment ago. */
  readonly fresh: boolean;
  /** The plan of one shipment, in order; may be read more than once. */
  steps(shipment: number): AsyncIterable<readonly Step[]>;
  readonly signal: AbortSignal;
  readonly pause: AbortSignal;
  progress(): Progress;
  /** Resolves when the event is durable. */
  record(event: RunEvent): Promise<void>;
  enter(shipment: number, phase: Phase): Promise<void>;
  tick(tick: Tick): void;
}

/** What a run begins with: a plan's open ends, or nothing yet. */
export type OpenShipments = Pick<RunContext, 'frozen' | 'budgets' | 'fresh' | 'steps'>;

/** Works through a run's shipments, one after another, until done, paused or stopped by an error. */
export class ActiveRun implements Run {
  readonly id: string;
  readonly result: Promise<RunResult>;
  readonly #header: RunHeader;
  readonly #parts: RunParts;
  readonly #options: RunOptions;
  readonly #pause = new AbortController();
  readonly #past = new Past({ keepReceipts: true });
  #progress: Progress = noProgress;

  constructor(header: RunHeader, parts: RunParts, options: RunOptions, open: OpenShipments) {
    this.id = header.id;
    this.#header = header;
    this.#parts = parts;
    this.#options = options;
    this.result = this.#run(open);
  }

  progress(): Progress {
    return this.#progress;
  }

  pause(reason: string): void {
    this.#pause.abort(new MigrationError('run.paused', `The run is paused: ${reason}.`));
  }

  async #run(open: OpenShipments): Promise<RunResult> {
    try {
      using _ = await this.#parts.journal.claim(this.id);
      return await this.#work(open);
    } catch (thrown) {
      const error = toMigrationError(thrown);
      return { run: this.id, outcome: 'failed', exit: error.exit, error: error.toJSON(), progress: this.#progress };
    } finally {
      for (const frozen of open.frozen.values()) await frozen[Symbol.asyncDispose]();
    }
  }

  async #work(open: OpenShipments): Promise<RunResult> {
    await this.#replay();
    if (this.#progress.state === 'done' || this.#progress.state === 'differs') return this.#ended();
    const at = Date.now();
    const workers = Array.from({ length: this.#header.job.workers }, (_, i) => `worker-${i + 1}`);
    await this.#record(
      this.#progress.state === 'planned' ? { type: 'run.started', at, workers } : { type: 'run.resumed', at },
    );
    const context: RunContext = {
      ...open,
      header: this.#header,
      parts: this.#parts,
      past: this.#past,
      signal: this.#options.signal,
      pause: this.#pause.signal,
      progress: () => this.#progress,
      record: (event) => this.#record(event),
      enter: (shipment, phase) => this.#enter(shipment, phase),
      tick: (tick) => this.#tick(tick),
    };
    try {
      for (const index of this.#header.job.shipments.keys()) await runShipment(index, context);
    } catch (thrown) {
      return await this.#stopped(thrown, context);
    }
    const { failures, rejects, differences } = this.#progress;
    const clean = failures.count + rejects.count + differences.count === 0;
    await this.#record({ type: 'run.finished', at: Date.now(), outcome: clean ? 'done' : 'differs' });
    return await this.#ended();
  }

  async #replay(): Promise<void> {
    for await (const page of this.#parts.journal.replay(this.id)) {
      for (const { event } of page) this.#fold(event);
    }
  }

  async #ended(): Promise<RunResult> {
    const outcome = this.#progress.state === 'done' ? 'done' : 'differs';
    const bill = await this.#parts.writeBill(this.id);
    return { run: this.id, outcome, exit: outcome === 'done' ? 0 : 3, bill, progress: this.#progress };
  }

  /** Paused by request or by an abort, or failed: what is journaled stays, and the run can be resumed. */
  async #stopped(thrown: unknown, { frozen, signal }: RunContext): Promise<RunResult> {
    const aborted = this.#options.signal.aborted || this.#pause.signal.aborted;
    const error = toMigrationError(thrown);
    if (aborted && (error.code === 'run.paused' || this.#options.signal.aborted)) {
      await this.#record({ type: 'run.paused', at: Date.now(), reason: 'asked to' });
      return { run: this.id, outcome: 'paused', exit: 130, progress: this.#progress };
    }
    for (const [shipment, phase] of Object.entries(this.#progress.phases)) {
      if (phase !== 'done') await this.#enter(Number(shipment), 'failed');
    }
    if (needsOtherSource(error)) for (const { ends } of frozen.values()) await ends.sink.sweep(this.id, signal);
    await this.#record({ type: 'run.finished', at: Date.now(), outcome: 'failed', error: error.toJSON() });
    const bill = await this.#parts.writeBill(this.id);
    return { run: this.id, outcome: 'failed', exit: error.exit, error: error.toJSON(), bill, progress: this.#progress };
  }

  async #enter(shipment: number, phase: Phase): Promise<void> {
    const from = this.#progress.phases[shipment] ?? 'planned';
    if (!mayFollow(from, phase)) throw new MigrationError('internal', `A shipment cannot go from ${from} to ${phase}.`);
    await this.#record({ type: 'phase.changed', shipment, phase, at: Date.now() });
  }

  async #record(event: RunEvent): Promise<void> {
    await this.#parts.journal.record(this.id, event);
    this.#fold(event);
    this.#options.onEvent?.(event);
  }

  #fold(event: RunEvent): void {
    this.#past.add(event);
    this.#progress = advance(this.#progress, event);
  }

  #tick(tick: Tick): void {
    this.#progress = advance(this.#progress, tick);
    this.#options.onTick?.(tick);
  }
}

/** The source must be corrected first, which begins everything anew: what is half-written has no use. */
const needsOtherSource = ({ code }: MigrationError): boolean => code.startsWith('value.');
