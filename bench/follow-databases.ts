/** Follows one database into another from a position until another one, and ends: `FROM TO RUN SINCE GOAL`. */
import { createKeyFilter } from '../src/store/item-filter.ts';
import { parseAddress } from '../src/model/address.ts';
import { postgresDriver } from '../src/drivers/postgres/driver.ts';
import type { FollowOptions } from '../src/model/job.ts';

const [from = '', to = '', run = '', since = '', goal = ''] = process.argv.slice(2);
const never = new AbortController().signal;
const options: FollowOptions = { mode: 'asynchronous', ddl: 'stop', keptBytes: 2 ** 45 };
const open = (text: string) => postgresDriver.open(parseAddress(text).address, { connectTimeout: 10 }, never);

const [source, target] = await Promise.all([open(from), open(to)]);
const pair = source.pairWith?.(target, createKeyFilter({ include: [], exclude: [] }));
const feed = pair?.from.source?.feed;
const intake = pair?.to.sink?.intake;
if (!feed || !intake) throw new TypeError('these cannot be followed');
for await (const batch of feed.changes(run, since, options, never)) {
  await intake.apply(run, batch, never);
  if (batch.position === undefined) continue;
  feed.confirm(run, batch.position);
  if (feed.reached(batch.position, goal)) break;
}
await Promise.all([source, target].map((store) => store[Symbol.asyncDispose]()));
