import { z } from 'zod';

export const fsOptions = z.object({
  oneFileSystem: z
    .boolean()
    .default(false)
    .describe('Stay on the file system of the folder: what is mounted beneath it is not carried.'),
  owners: z.boolean().optional().describe('Carry and compare user and group. Left out: yes as root, no otherwise.'),
});
