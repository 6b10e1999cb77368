import { shorten } from './display-width.ts';
import type { Output } from './output.ts';
import { printable } from './printable.ts';

/** One line on a terminal that changes while something goes on, and is gone afterwards. Elsewhere nothing. */
export interface StatusLine extends Disposable {
  /** At most ten times a second, and not before there is something to wait for. */
  show(text: string): void;
  clear(): void;
}

const firstMilliseconds = 300;
const frameMilliseconds = 100;

export async function statusLine(output: Output): Promise<StatusLine> {
  if (!output.live) return { show: () => {}, clear: () => {}, [Symbol.dispose]: () => {} };
  const { createLogUpdate } = await import('log-update');
  const screen = createLogUpdate(output.stream);
  let shownAt = performance.now() + firstMilliseconds - frameMilliseconds;
  return {
    show(text) {
      const now = performance.now();
      if (now - shownAt < frameMilliseconds) return;
      shownAt = now;
      screen(output.colors.dim(shorten(printable(text), output.columns - 1)));
    },
    clear: () => screen.clear(),
    [Symbol.dispose]() {
      screen.clear();
      screen.done();
    },
  };
}
