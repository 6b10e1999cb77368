import type { Finding } from '../model/finding.ts';
import type { Shipment } from '../model/job.ts';
import type { Ends } from '../store/ends.ts';

/** What would keep a hybrid shipment from following, at both ends. Writes nothing. */
export async function probeFollowing(
  { source, sink, from, to }: Ends,
  { follow }: Shipment,
  signal: AbortSignal,
): Promise<Finding[]> {
  const cannot = (message: string, address: string): Finding => ({
    level: 'error',
    code: 'store.unsupported',
    message,
    hint: 'Two PostgreSQL databases can: `waybill connectors` lists what each store can do. Or use another strategy.',
    where: address,
  });
  const missing = [
    ...(source.feed
      ? []
      : [cannot(`The changes of ${from.address.text} cannot be followed from here.`, from.address.text)]),
    ...(sink.intake ? [] : [cannot(`${to.address.text} cannot follow ${from.address.text}.`, to.address.text)]),
  ];
  if (!source.feed || !sink.intake || !follow) return missing;
  return [...(await source.feed.probe(follow, signal)), ...(await sink.intake.probe(follow, signal))];
}
