import { parseAddress } from '../model/address.ts';
import type { Endpoint, Job } from '../model/job.ts';

/** The job as a bill may show it. Jobs hold no secrets when they reach the journal; this is the second lock on that
 *  door (invariant 6): passwords are taken out of addresses, and what is named like a secret stays only as a reference. */
export const publicJob = (job: Job): Job => ({
  ...job,
  shipments: job.shipments.map((shipment) => ({
    ...shipment,
    from: publicEndpoint(shipment.from),
    to: publicEndpoint(shipment.to),
  })),
});

const publicEndpoint = ({ address, options }: Endpoint): Endpoint => ({
  address: publicAddress(address),
  options: Object.fromEntries(Object.entries(options).map(([name, value]) => [name, publicValue(name, value)])),
});

function publicAddress(text: string): string {
  let safe: string;
  try {
    safe = parseAddress(text).address.text;
  } catch {
    safe = text.replace(/\/\/[^@/]*@/, '//…@');
  }
  return safe.replace(
    /([?&])([^=&]+)=([^&]*)/g,
    (_, mark: string, name: string, value: string) => `${mark}${name}=${String(publicValue(name, value))}`,
  );
}

const secretName = /pass|secret|token|credential|private|access.?key|api.?key|account.?key|signature|sas/i;
const reference = /^\$\{(env|file):[^}]*\}$/;

function publicValue(name: string, value: string | number | boolean): string | number | boolean {
  if (typeof value === 'boolean' || !secretName.test(name)) return value;
  return reference.test(String(value)) ? value : '…';
}
