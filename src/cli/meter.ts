/** How fast something grows, over the last seconds: an average over the whole run would hide a stall, and the last
 *  moment alone jumps. */
export interface Meter {
  /** Tells the meter where things stand; `now` is in milliseconds. */
  add(now: number, amount: number): void;
  /** Per second. */
  rate(): number;
}

const windowMilliseconds = 10_000;

export function createMeter(): Meter {
  let samples: { readonly now: number; readonly amount: number }[] = [];
  return {
    add(now, amount) {
      const last = samples.at(-1);
      // A chunk that is sent again, or a figure in flight that did not come to be: no negative speed.
      if (last && amount < last.amount) samples = [];
      samples.push({ now, amount });
      const begin = samples.findIndex((sample) => sample.now >= now - windowMilliseconds);
      // The last sample before the window stays: it is where the window begins.
      if (begin > 1) samples.splice(0, begin - 1);
    },
    rate() {
      const [first, last] = [samples[0], samples.at(-1)];
      const elapsed = first && last ? last.now - first.now : 0;
      return first && last && elapsed > 0 ? ((last.amount - first.amount) / elapsed) * 1000 : 0;
    },
  };
}
