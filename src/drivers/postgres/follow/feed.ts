import type { Feed } from '../../../store/following.ts';
import type { Server } from '../clone/pair-servers.ts';

export function createFeed(_server: Server): Feed | undefined {
  return undefined;
}
