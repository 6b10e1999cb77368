import type { Engine } from '../engine/engine.ts';
import type { RunRequest } from '../journal/journal.ts';
import type { RunEvent } from '../model/event.ts';
import { fromErrorRecord, MigrationError } from '../model/migration-error.ts';
import { advance, type Progress } from '../model/progress.ts';
import { abortOnSignal, type Context } from './context.ts';
import { followRun } from './follow-run.ts';
import { lagWords, predictionWords, stepWords } from './following-view.ts';
import { activeFollowed, followingFigures } from './progress-figures.ts';
import { statusLine } from './status-line.ts';

/** Asks a run for something and shows what becomes of it. */
export async function askRun(
  engine: Engine,
  run: string,
  request: Exclude<RunRequest, 'pause'>,
  context: Context,
): Promise<void> {
  const { header, progress } = await engine.status(run);
  const { held, seq } = await engine.ask(run, request);
  const answer = new Answer(request);
  if (held) {
    await watch(engine, { run, seq, progress }, answer, context);
    if (!answer.done) throw answer.refused ?? nobody(run);
    if (answer.exit !== undefined) context.exit = answer.exit;
    if (context.output.live) context.output.line(answer.words(run));
    else
      context.output.object({ type: 'answer', run, request, ...(answer.exit !== undefined && { exit: answer.exit }) });
    return;
  }
  const { job, totals } = header;
  await followRun(
    {
      job,
      totals,
      start: (options) => engine.resume(run, options),
      onEvent(event, own) {
        answer.hear(event);
        // Nobody else works on the run: what was asked for is all that this process is there for.
        if (answer.refused) own.pause('what was asked for could not be done');
      },
    },
    context,
  );
  if (answer.refused) throw answer.refused;
  if (request === 'cancel' && answer.done) context.exit = 0;
}

interface Watched {
  readonly run: string;
  readonly seq: number;
  readonly progress: Progress;
}

async function watch(
  engine: Engine,
  { run, seq, ...before }: Watched,
  answer: Answer,
  context: Context,
): Promise<void> {
  const { output } = context;
  using stopping = abortOnSignal(context);
  using line = await statusLine(output);
  let { progress } = before;
  for await (const event of engine.watch(run, seq, stopping.signal)) {
    progress = advance(progress, event);
    if (!output.live) output.object(event);
    answer.hear(event);
    if (answer.done || answer.refused) return;
    line.show(`  ${words(progress)}`);
  }
}

function words(progress: Progress): string {
  const followed = activeFollowed(progress);
  const figures = followingFigures(followed, 0);
  const phase = Object.values(progress.phases).at(-1);
  if (phase === 'cutting-over' || phase === 'rolling-back') return `${phase}: ${stepWords(followed)}`;
  return `waiting until it fits the budget: ${lagWords(figures)} · ${predictionWords(figures)}`;
}

/** What the run's events say to a request. */
class Answer {
  readonly #request: RunRequest;
  #thawed = false;
  #pauseMs: number | undefined;
  #asked: number | undefined;
  done = false;
  refused: MigrationError | undefined;
  /** Of the run, if it is over. */
  exit: number | undefined;

  constructor(request: RunRequest) {
    this.#request = request;
  }

  hear(event: RunEvent): void {
    if (event.type === 'cutover.step') {
      if (event.step === 'asked') this.#asked = event.at;
      if (event.step === 'thawed') this.#thawed = true;
      if (event.step === 'switched') this.#pauseMs = event.at - (this.#asked ?? event.at);
    } else if (event.type === 'finding.raised' && this.#thawed) {
      this.refused = fromErrorRecord(event.finding);
    } else if (event.type === 'phase.changed') {
      if (this.#request === 'cutover' && event.phase === 'reverse-following') this.done = true;
    } else if (event.type === 'run.finished') {
      if (event.outcome === 'failed') {
        this.refused = fromErrorRecord(event.error ?? { code: 'internal', message: 'The run failed.' });
        return;
      }
      this.done = true;
      this.exit = event.outcome === 'differs' ? 3 : 0;
    }
  }

  words(run: string): string {
    const pause = this.#pauseMs === undefined ? '' : ` Writers waited ${(this.#pauseMs / 1000).toFixed(2)} s.`;
    switch (this.#request) {
      case 'cutover':
        return this.exit === undefined
          ? `Writers are at the target.${pause}\n  Go back with: waybill rollback ${run}\n  Give that up with: waybill finish ${run}`
          : `Writers are at the target, and the run is over.${pause}\n  Bill: waybill bill ${run}`;
      case 'rollback':
        return `Writers are at the source again.${pause}`;
      case 'finish':
        return `The way back is given up, and the run is over.\n  Bill: waybill bill ${run}`;
      case 'cancel':
      case 'pause':
        return `Cancelled: nothing is kept for run ${run} any more.`;
    }
  }
}

const nobody = (run: string): MigrationError =>
  new MigrationError(
    'run.paused',
    'The process that worked on the run has ended; what was asked for stays asked for.',
    {
      hint: `Go on with: waybill resume ${run}`,
      where: run,
    },
  );
