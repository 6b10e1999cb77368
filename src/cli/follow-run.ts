import type { Run, RunOptions, RunResult } from '../engine/engine.ts';
import type { PlanTotals } from '../journal/journal.ts';
import type { RunEvent } from '../model/event.ts';
import type { Job } from '../model/job.ts';
import type { Context } from './context.ts';
import { createFigures } from './progress-figures.ts';
import { progressLines } from './progress-view.ts';
import { resultText } from './result-text.ts';

const framesPerSecond = 10;
const jsonMilliseconds = 1000;
/** How long a stop at once may take before the process is ended: the journal stands at any instant. */
const patienceMilliseconds = 5000;

export interface Followed {
  /** Hears every event, too. */
  readonly onEvent?: (event: RunEvent, run: Run) => void;
  readonly job: Job;
  readonly totals: PlanTotals;
  readonly start: (options: RunOptions) => Promise<Run>;
}

/** Starts a run and shows it to its end: live on a terminal, as JSON lines elsewhere. The first Ctrl-C pauses after
 *  the chunks in flight, the second stops at once; both can be resumed. */
export async function followRun({ job, totals, start, onEvent }: Followed, context: Context): Promise<RunResult> {
  const { output } = context;
  const stop = new AbortController();
  const lines = !output.live;
  let stopping: string | undefined;
  let run: Run | undefined;
  using _listening = context.onSignal(() => {
    if (stopping === undefined && run) {
      stopping = 'Pausing after what is under way … (Ctrl-C again to stop at once)';
      run.pause('signal');
    } else if (!stop.signal.aborted) {
      stopping = 'Stopping at once …';
      stop.abort();
      setTimeout(() => context.quit(130), patienceMilliseconds).unref();
    } else context.quit(130);
    if (lines) output.remark(stopping ?? '');
  });
  run = await start({
    signal: stop.signal,
    onEvent(event) {
      if (lines) output.object(event);
      if (run) onEvent?.(event, run);
    },
  });
  if (stop.signal.aborted) run.pause('signal');
  const figures = createFigures(totals);
  const followed = run;
  const display = lines
    ? jsonDisplay(() => output.object({ type: 'progress', ...figures(followed.progress(), performance.now()) }))
    : await liveDisplay(context, (elapsedSeconds) =>
        progressLines({
          run: followed.id,
          job,
          progress: followed.progress(),
          figures: figures(followed.progress(), performance.now()),
          elapsedSeconds,
          columns: output.columns,
          colors: output.colors,
          ...(stopping !== undefined && { stopping }),
        }),
      );
  let result: RunResult;
  try {
    result = await run.result;
  } finally {
    display[Symbol.dispose]();
  }
  if (lines) output.object(resultObject(result));
  else output.line(resultText(result, output.colors));
  context.exit = result.exit;
  return result;
}

/** The last JSON line of a run. */
function resultObject({ run, outcome, exit, error, bill, progress }: RunResult): object {
  const { done, removed, verified, rejects, failures, differences, startedAt, endedAt } = progress;
  return {
    type: 'result',
    run,
    outcome,
    exit,
    ...(error && { error: { ...error, exit } }),
    ...(bill && { bill }),
    carried: done,
    removed,
    verified,
    rejects,
    failures,
    differences,
    startedAt,
    endedAt,
  };
}

function jsonDisplay(show: () => void): Disposable {
  const timer = setInterval(show, jsonMilliseconds);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function liveDisplay({ output }: Context, lines: (elapsedSeconds: number) => string[]): Promise<Disposable> {
  const { createLogUpdate } = await import('log-update');
  const screen = createLogUpdate(output.stream);
  const startedAt = performance.now();
  const draw = () => screen(lines((performance.now() - startedAt) / 1000).join('\n'));
  const timer = setInterval(draw, 1000 / framesPerSecond);
  draw();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      screen.clear();
      screen.done();
    },
  };
}
