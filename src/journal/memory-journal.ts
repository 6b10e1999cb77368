import type { RunEvent } from '../model/event.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { Step } from '../model/step.ts';
import { advance, noProgress } from '../model/progress.ts';
import type { Journal, JournaledRun, RunHeader, RunRequest } from './journal.ts';

/** A journal that lasts as long as the object: for tests. Values pass through JSON as in a real one. */
export function openMemoryJournal(): Journal {
  const runs = new Map<string, { header: string; steps: string[]; events: string[]; requests: RunRequest[] }>();
  const claimed = new Set<string>();
  const find = (run: string) => {
    const found = runs.get(run);
    if (!found) throw new MigrationError('run.unknown', `No run ${run} is in this journal.`, { where: run });
    return found;
  };
  return {
    async create(run, steps) {
      const pages: string[] = [];
      for await (const page of steps) pages.push(JSON.stringify(page));
      if (runs.has(run.id)) throw new TypeError(`run ${run.id} is already in the journal`);
      runs.set(run.id, { header: JSON.stringify(run), steps: pages, events: [], requests: [] });
    },
    async runs() {
      const found = [...runs.values()].map(({ header, events }): JournaledRun => {
        const progress = events.map((text) => JSON.parse(text) as RunEvent).reduce(advance, noProgress);
        const { bytes, rows } = progress.done;
        return { ...(JSON.parse(header) as RunHeader), state: progress.state, bytes, rows };
      });
      return found.reverse().sort((a, b) => b.createdAt - a.createdAt);
    },
    async header(run) {
      return JSON.parse(find(run).header) as RunHeader;
    },
    async *steps(run) {
      for (const page of find(run).steps) yield JSON.parse(page) as Step[];
    },
    async record(run, event) {
      find(run).events.push(JSON.stringify(event));
    },
    async *replay(run, after = 0) {
      const { events } = find(run);
      for (let from = after; from < events.length; from += 1000) {
        const page = events.slice(from, from + 1000);
        yield page.map((text, i) => ({ seq: from + i + 1, event: JSON.parse(text) as RunEvent }));
      }
    },
    async ask(run, request) {
      find(run).requests.push(request);
    },
    async takeRequests(run) {
      return find(run).requests.splice(0);
    },
    async claim(run) {
      find(run);
      if (claimed.has(run)) {
        throw new MigrationError('run.busy', `Run ${run} is being worked on by process ${process.pid}.`, {
          where: run,
        });
      }
      claimed.add(run);
      let held = true;
      return {
        [Symbol.dispose]() {
          if (held) claimed.delete(run);
          held = false;
        },
      };
    },
    async [Symbol.asyncDispose]() {},
  };
}
