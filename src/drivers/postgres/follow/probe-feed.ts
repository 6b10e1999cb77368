import type { Finding } from '../../../model/finding.ts';
import type { FeedOptions } from '../../../store/following.ts';
import type { Server } from '../clone/pair-servers.ts';

export async function probeFeed(_server: Server, _options: FeedOptions, _signal: AbortSignal): Promise<Finding[]> {
  return [];
}
