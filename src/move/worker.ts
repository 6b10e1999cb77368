/** A worker moves what it is told to, in this thread, another thread or (later) another machine. */
import type { RunEvent, Tick } from '../model/event.ts';
import type { Chunk } from '../model/item.ts';
import type { Receipt } from '../model/receipt.ts';
import type { Step } from '../model/step.ts';

/** What one worker does at a time. `open` yields item.opened; `chunk` yields chunk.written; `publish` yields
 *  item.published; `remove` yields item.removed. */
export type Task =
  | { readonly do: 'open'; readonly step: Step; readonly ticket?: string }
  | { readonly do: 'chunk'; readonly step: Step; readonly ticket: string; readonly chunk: Chunk }
  | { readonly do: 'publish'; readonly step: Step; readonly ticket: string; readonly receipts: readonly Receipt[] }
  /** All of the above in one go, for what one worker moves alone; `chunks` are those still to be written. */
  | {
      readonly do: 'whole';
      readonly step: Step;
      readonly ticket?: string;
      readonly chunks: readonly Chunk[];
      readonly receipts: readonly Receipt[];
    }
  | { readonly do: 'remove'; readonly step: Step };

export interface Worker extends AsyncDisposable {
  readonly name: string;
  /** Waits at each yield until the caller has journaled the event. Throws MigrationError. */
  do(task: Task, signal: AbortSignal): AsyncIterable<RunEvent>;
}

export type Ticker = (tick: Tick) => void;
