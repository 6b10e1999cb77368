import type { Finding } from '../model/finding.ts';
import type { Shipment } from '../model/job.ts';
import { compareListings } from './compare-listings.ts';
import type { Differing, Source } from './store.ts';

export interface CompareTreesOptions {
  readonly source: Source;
  readonly target: Source;
  readonly shipment: Pick<Shipment, 'include' | 'exclude'>;
  /** Files of the source that changed at or after this moment are handed out even if they look equal. */
  readonly since: number | undefined;
  /** Findings of the source's listing. */
  readonly report: (finding: Finding) => void;
  readonly signal: AbortSignal;
}

/** Both trees joined by key. Where the stores can, files that are equal are left out and only counted. */
export async function* compareTrees(options: CompareTreesOptions): AsyncGenerator<Differing> {
  const { source, target, shipment, since, report, signal } = options;
  // What is only counted cannot be filtered.
  const whole = shipment.include.length === 0 && shipment.exclude.length === 0;
  const quick = whole ? source.differing?.(target, since, report, signal) : undefined;
  if (quick) {
    yield* quick;
    return;
  }
  const listing = compareListings(
    source.list(report, signal),
    target.list(() => {}, signal),
  );
  for await (const pairs of listing) yield { pairs, equal: { files: 0, bytes: 0 } };
}
