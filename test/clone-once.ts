import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecretKeeper } from '../src/config/secrets.ts';
import type { RunResult } from '../src/engine/engine.ts';
import type { Finding } from '../src/model/finding.ts';
import type { Shipment } from '../src/model/job.ts';
import { openWaybill } from '../src/open-waybill.ts';

const never = new AbortController().signal;

/** Plans a clone and, unless the plan is refused, runs it in a state folder of its own. */
export async function cloneOnce(
  from: string,
  to: string,
  { toOptions = {}, ...more }: Partial<Shipment> & { readonly toOptions?: Shipment['to']['options'] } = {},
): Promise<{ readonly findings: readonly Finding[]; readonly result: RunResult | undefined }> {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-clone-'));
  try {
    const secrets = createSecretKeeper({ env: {}, readFile: () => Promise.resolve('') });
    await using engine = await openWaybill({ stateFolder: folder, secrets });
    const shipment: Shipment = {
      name: 'clone',
      from: { address: from, options: {} },
      to: { address: to, options: toOptions },
      strategy: 'full',
      into: 'empty',
      verify: 'digests',
      deletions: false,
      include: [],
      exclude: [],
      chunkBytes: 2 ** 20,
      ...more,
    };
    const job = { name: 'clone', shipments: [shipment], workers: 2, maxQuarantine: 0 };
    await using plan = await engine.plan(job, { signal: never });
    if (!plan.startable) return { findings: plan.findings, result: undefined };
    const run = await engine.start(plan, { signal: never });
    return { findings: plan.findings, result: await run.result };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
