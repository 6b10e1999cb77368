import type { RunEvent, Tick } from '../model/event.ts';
import { MigrationError, toMigrationError } from '../model/migration-error.ts';
import type { Shipment } from '../model/job.ts';
import type { Phase } from '../model/phase.ts';
import { mayFollow } from '../model/phase.ts';
import { Past } from '../model/past.ts';
import { advance, isOver, noProgress, type EndState, type Progress } from '../model/progress.ts';
import type { Journal, RunHeader, RunRequest } from '../journal/journal.ts';
import type { Step } from '../model/step.ts';
import type { Run, RunOptions, RunResult } from './engine.ts';
import type { FrozenEnds } from './frozen-ends.ts';
import { letGo } from './let-go.ts';
import type { OpenStore } from './open-ends.ts';
import { RequestInbox } from './request-inbox.ts';
import { runShipment } from './run-shipment.ts';
import { throwIfPaused } from './verify-steps.ts';

export interface RunParts {
  readonly journal: Journal;
  readonly open: OpenStore;
  readonly threadEntry: URL | undefined;
  /** How often a run that follows looks at its lag and for requests, and how long a cutover must look possible to be
   *  believed; for tests. */
  readonly pace?: Pace;
  /** Writes the signed bill of a finished run. */
  readonly writeBill: (run: string) => Promise<{ readonly json: string; readonly html: string }>;
}

export interface Pace {
  readonly everyMs: number;
  readonly steadyMs: number;
}

const usualPace: Pace = { everyMs: 250, steadyMs: 3000 };

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
  readonly pace: Pace;
  readonly requests: RequestInbox;
  progress(): Progress;
  /** Resolves when the event is durable. */
  record(event: RunEvent): Promise<void>;
  enter(shipment: number, phase: Phase): Promise<void>;
  tick(tick: Tick): void;
}

/** One shipment of a run, opened. */
export interface ShipmentContext {
  readonly index: number;
  readonly shipment: Shipment;
  readonly frozen: FrozenEnds;
  readonly run: RunContext;
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
  #cancelled = false;
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
    if (isOver(this.#progress.state)) return this.#ended(this.#progress.state);
    const at = Date.now();
    const workers = Array.from({ length: this.#header.job.workers }, (_, i) => `worker-${i + 1}`);
    await this.#record(
      this.#progress.state === 'planned' ? { type: 'run.started', at, workers } : { type: 'run.resumed', at },
    );
    const { pace = usualPace, journal } = this.#parts;
    const requests = new RequestInbox(journal, this.id, pace.everyMs, (request) => this.#hear(request));
    const context: RunContext = {
      pace,
      requests,
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
      await requests.begin();
      throwIfPaused(context);
      for (const index of this.#header.job.shipments.keys()) await runShipment(index, context);
    } catch (thrown) {
      return await this.#stopped(thrown, context);
    } finally {
      await requests.stop();
    }
    return await this.#finish(this.#outcome());
  }

  #outcome(): EndState {
    const { failures, rejects, differences, phases } = this.#progress;
    if (Object.values(phases).includes('rolled-back')) return 'rolled-back';
    return failures.count + rejects.count + differences.count === 0 ? 'done' : 'differs';
  }

  async #finish(outcome: EndState): Promise<RunResult> {
    await this.#record({ type: 'run.finished', at: Date.now(), outcome });
    return await this.#ended(outcome);
  }

  /** What any run can do at any time; the rest is for the shipment that follows. */
  #hear(request: RunRequest): boolean {
    if (request === 'cancel') this.#cancelled = true;
    if (request === 'cancel' || request === 'pause') this.pause('asked to');
    return request === 'cancel' || request === 'pause';
  }

  async #replay(): Promise<void> {
    for await (const page of this.#parts.journal.replay(this.id)) {
      for (const { event } of page) this.#fold(event);
    }
  }

  async #ended(outcome: EndState): Promise<RunResult> {
    const bill = await this.#parts.writeBill(this.id);
    return { run: this.id, outcome, exit: exitOf[outcome], bill, progress: this.#progress };
  }

  /** Paused by request or by an abort, cancelled, or failed: what is journaled stays, and the run can be resumed. */
  async #stopped(thrown: unknown, context: RunContext): Promise<RunResult> {
    const error = toMigrationError(thrown);
    if (error.code !== 'run.paused' && !this.#options.signal.aborted) return await this.#failed(error, context);
    if (this.#cancelled && !this.#options.signal.aborted) {
      try {
        await letGo(context);
      } catch (failure) {
        return await this.#failed(toMigrationError(failure), context);
      }
      return await this.#finish('cancelled');
    }
    await this.#record({ type: 'run.paused', at: Date.now(), reason: 'asked to' });
    return { run: this.id, outcome: 'paused', exit: 130, progress: this.#progress };
  }

  async #failed(error: MigrationError, { frozen, signal }: RunContext): Promise<RunResult> {
    for (const [shipment, phase] of Object.entries(this.#progress.phases)) {
      if (phase !== 'done' && phase !== 'rolled-back') await this.#enter(Number(shipment), 'failed');
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

const exitOf: Readonly<Record<EndState, number>> = { done: 0, differs: 3, 'rolled-back': 0, cancelled: 130 };

/** The source must be corrected first, which begins everything anew: what is half-written has no use. */
const needsOtherSource = ({ code }: MigrationError): boolean => code.startsWith('value.');
